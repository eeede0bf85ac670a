package machine

import "encoding/binary"

func num8[T ~uint8](c *coder, v *T) {
	if c.reading {
		*v = T(c.take(1)[0])
		return
	}
	c.b = append(c.b, byte(*v))
}

func num16[T ~uint16](c *coder, v *T) {
	if c.reading {
		*v = T(binary.BigEndian.Uint16(c.take(2)))
		return
	}
	c.b = binary.BigEndian.AppendUint16(c.b, uint16(*v))
}

func num32[T ~uint32](c *coder, v *T) {
	if c.reading {
		*v = T(binary.BigEndian.Uint32(c.take(4)))
		return
	}
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(*v))
}

// enum codes a number that must not be above last.
func enum[T ~uint8](c *coder, v *T, last T) {
	num8(c, v)
	c.require(*v <= last)
}

// list codes at most so many items, each of one byte or more.
func list[T any](c *coder, v *[]T, most int, item func(*T)) {
	n := uint64(len(*v))
	c.uvarint(&n)
	if c.reading {
		c.require(n <= uint64(most) && n <= uint64(len(c.b)))
		*v = nil
		if c.bad || n == 0 {
			return
		}
		*v = make([]T, n)
	}
	for i := range *v {
		item(&(*v)[i])
	}
}
