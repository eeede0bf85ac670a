package objectapi

import (
	"io"
	"net/http"
	"strconv"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/store"
)

// objectOwner is the key that blobs of the request's object are written for.
func (q *request) objectOwner() store.Owner {
	return store.Owner{NS: q.ns, Key: []byte(q.key)}
}

// putObject answers PutObject.
func (q *request) putObject() error {
	meta, err := q.metadata(q.r.Header)
	if err != nil {
		return err
	}
	cond, err := q.writeCondition()
	if err != nil {
		return err
	}
	s, alg, err := q.storeRequestBody(meta.Class, checksum.CRC64NVME)
	if err != nil {
		return err
	}
	info, err := q.commitObject(&meta, cond, s, alg)
	if err != nil {
		return err
	}
	q.set("ETag", quoted(info.ETag))
	q.setChecksum(info.Checksum, 0)
	return q.reply(http.StatusOK)
}

// storeRequestBody makes the request's body durable and checks all that the
// client said about it. The result's checksum is of the client's algorithm, or
// else of the given one.
func (q *request) storeRequestBody(class store.Class, alg checksum.Algorithm) (*stored, checksum.Algorithm, error) {
	want, err := q.expectedDigests()
	if err != nil {
		return nil, 0, err
	}
	if want.algorithm != checksum.None {
		alg = want.algorithm
	}
	return q.storeChecked(want, class, alg)
}

// storeChecked is storeRequestBody with a checksum of the given algorithm,
// whichever the client chose.
func (q *request) storeChecked(want *digests, class store.Class, alg checksum.Algorithm) (*stored, checksum.Algorithm, error) {
	b, err := q.openBody(maxBody)
	if err != nil {
		return nil, 0, err
	}
	defer b.close()
	in, size := io.Reader(b), b.size
	if size == unknownSize {
		if in, size, err = measured(b); err != nil {
			return nil, 0, err
		}
	}
	s, err := q.g.storeBody(q.ctx(), in, size, q.objectOwner(), class, want.algorithms(alg))
	if err != nil {
		return nil, 0, err
	}
	return s, alg, want.check(s.sums, b)
}

// commitObject makes a stored body the current object of the request's key.
func (q *request) commitObject(meta *machine.Meta, cond machine.Cond, s *stored, alg checksum.Algorithm) (*machine.Info, error) {
	info, err := q.g.objects.Put(q.ctx(), q.ns, q.key, &machine.Put{
		Meta: *meta, Body: s.Body, Cond: cond, Size: s.size, MD5: s.sums.MD5,
		Algorithm: alg, Sum: s.sums.Of(alg),
	})
	if err != nil {
		return nil, err
	}
	q.drainSoon(info.Drain)
	return info, nil
}

// setChecksum sets the headers of an object's checksum. parts is how many parts
// a composite one was made of.
func (q *request) setChecksum(c machine.Checksum, parts int) {
	if c.Algorithm == checksum.None {
		return
	}
	q.set(c.Algorithm.Header(), shownChecksum(c, parts))
	q.set("x-amz-checksum-type", c.Type.String())
}

// shownChecksum returns the printed form of a checksum.
func shownChecksum(c machine.Checksum, parts int) string {
	if c.Type == checksum.Composite {
		return checksum.EncodeComposite(c.Sum, parts)
	}
	return checksum.Encode(c.Sum)
}

// requireObject returns an error unless the request's object exists.
func (q *request) requireObject() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	_, err := q.g.objects.Head(q.ctx(), q.ns, q.key)
	return err
}

// intParam reads a parameter that is a number from least to most.
func (q *request) intParam(name string, least, most int) (n int, err error) {
	v := q.query.Get(name)
	n, err = strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, invalidArgument(name, v, name+" must be an integer between "+strconv.Itoa(least)+" and "+strconv.Itoa(most)+", inclusive")
	}
	return n, nil
}

// limitParam reads a parameter that limits a page: absent means the maximum,
// more than that too.
func (q *request) limitParam(name string) (int, error) {
	v := q.query.Get(name)
	if v == "" {
		return machine.MaxPage, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return 0, invalidArgument(name, v, "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	return min(int(n), machine.MaxPage), nil
}
