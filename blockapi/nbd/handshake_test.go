package nbd

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// oddVolume is read-only and large, so there is one for all tests.
var oddVolume = sync.OnceValue(func() *memVolume {
	odd := newMemVolume("odd", 64<<20)
	odd.info = Info{
		Name: "odd", Size: 64 << 20, MinBlock: 512, PreferredBlock: 16 << 10,
		ReadOnly: true, Rotational: true,
	}
	return odd
})

// twoVolumes are the default export "v" and another one, which is full of
// oddities.
func twoVolumes() memExports {
	v := newMemVolume("v", 1<<20)
	v.info.Description = "a volume"
	v.snapshots = []string{"monday", "tuesday"}
	return memExports{v, oddVolume()}
}

func code(c replyCode) []optReply { return []optReply{{code: c}} }

func u16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// exportInfo is INFO_EXPORT's payload.
func exportInfo(size uint64, flags uint16) optReply {
	return optReply{repInfo, join(u16(uint16(infoExport)), binary.BigEndian.AppendUint64(nil, size), u16(flags))}
}

const (
	basicFlags = flagHasFlags | flagSendFlush | flagSendFUA | flagSendCache
	vFlags     = basicFlags | flagSendTrim | flagSendWriteZeroes | flagSendFastZero | flagCanMultiConn
	oddFlags   = basicFlags | flagReadOnly | flagRotational
)

// Every option, right and wrong, on a fresh connection each. A step of a case is
// an option whose replies do not matter.
func TestOptions(t *testing.T) {
	type step struct {
		opt  option
		data []byte
	}
	structured := step{optStructuredReply, nil}
	extended := step{optExtendedHeaders, nil}
	ack := optReply{code: repAck}
	context := func(id uint32, name string) optReply { return optReply{repMetaContext, append(u32(id), name...)} }
	changed := func(s string) string { return ContextChanged + s }
	for name, test := range map[string]struct {
		before []step
		opt    option
		data   []byte
		want   []optReply // errors without their text
	}{
		"unknown":           {nil, 77, []byte("whatever"), code(repErrUnsup)},
		"PEEK_EXPORT":       {nil, 4, nil, code(repErrUnsup)},
		"too much data":     {nil, optInfo, make([]byte, maxOption+1), code(repErrTooBig)},
		"LIST":              {nil, optList, nil, []optReply{{repServer, join(u32(1), []byte("va volume"))}, {repServer, join(u32(3), []byte("odd"))}, ack}},
		"LIST with data":    {nil, optList, []byte{0}, code(repErrInvalid)},
		"STARTTLS, none":    {nil, optStartTLS, nil, code(repErrPolicy)},
		"STARTTLS, data":    {nil, optStartTLS, []byte{0}, code(repErrInvalid)},
		"structured":        {nil, optStructuredReply, nil, code(repAck)},
		"structured twice":  {[]step{structured}, optStructuredReply, nil, code(repAck)},
		"structured, data":  {nil, optStructuredReply, []byte{0}, code(repErrInvalid)},
		"structured, late":  {[]step{extended}, optStructuredReply, nil, code(repErrExtendedHdrReqd)},
		"extended":          {nil, optExtendedHeaders, nil, code(repAck)},
		"extended, after":   {[]step{structured}, optExtendedHeaders, nil, code(repAck)},
		"extended, data":    {nil, optExtendedHeaders, []byte{0}, code(repErrInvalid)},
		"INFO":              {nil, optInfo, infoData("v"), []optReply{exportInfo(1<<20, vFlags), ack}},
		"INFO, default":     {nil, optInfo, infoData("", infoName), []optReply{exportInfo(1<<20, vFlags), {repInfo, join(u16(1), []byte("v"))}, ack}},
		"INFO, structured":  {[]step{structured}, optInfo, infoData("v"), []optReply{exportInfo(1<<20, vFlags|flagSendDF), ack}},
		"INFO, everything":  {nil, optInfo, infoData("v", infoBlockSize, infoName, 99, infoDescription, infoExport), []optReply{exportInfo(1<<20, vFlags), {repInfo, join(u16(1), []byte("v"))}, {repInfo, join(u16(2), []byte("a volume"))}, {repInfo, join(u16(3), u32(1), u32(4096), u32(MaxPayload))}, ack}},
		"INFO, block sizes": {nil, optInfo, infoData("odd"), []optReply{exportInfo(64<<20, oddFlags), {repInfo, join(u16(3), u32(512), u32(16<<10), u32(MaxPayload))}, ack}},
		"INFO, not there":   {nil, optInfo, infoData("w"), code(repErrUnknown)},
		"INFO, no data":     {nil, optInfo, nil, code(repErrInvalid)},
		"INFO, long name":   {nil, optInfo, infoData(strings.Repeat("n", maxString+1)), code(repErrTooBig)},
		"INFO, name beyond": {nil, optInfo, join(u32(20), []byte("v"), u16(0)), code(repErrInvalid)},
		"INFO, huge name":   {nil, optInfo, join(u32(1<<32-1), []byte("v"), u16(0)), code(repErrInvalid)},
		"INFO, NUL":         {nil, optInfo, infoData("a\x00b"), code(repErrInvalid)},
		"INFO, not UTF-8":   {nil, optInfo, infoData("a\xff"), code(repErrInvalid)},
		"INFO, too few":     {nil, optInfo, join(u32(1), []byte("v"), u16(2), u16(0)), code(repErrInvalid)},
		"INFO, too many":    {nil, optInfo, join(infoData("v"), []byte{0}), code(repErrInvalid)},
		"GO, not there":     {nil, optGo, infoData("w"), code(repErrUnknown)},
		"GO":                {nil, optGo, infoData("v"), []optReply{exportInfo(1<<20, vFlags), ack}},

		"GO, payload form":         {[]step{extended, {optSetMetaContext, metaData("v", ContextAllocation)}}, optGo, infoData("v"), []optReply{exportInfo(1<<20, vFlags|flagSendDF|flagBlockStatusPayload), ack}},
		"GO, contexts elsewhere":   {[]step{extended, {optSetMetaContext, metaData("odd", ContextAllocation)}}, optGo, infoData("v"), []optReply{exportInfo(1<<20, vFlags|flagSendDF), ack}},
		"GO, contexts by alias":    {[]step{extended, {optSetMetaContext, metaData("v", ContextAllocation)}}, optGo, infoData(""), []optReply{exportInfo(1<<20, vFlags|flagSendDF), ack}},
		"GO, contexts lost":        {[]step{extended, {optSetMetaContext, metaData("v", ContextAllocation)}, {optSetMetaContext, nil}}, optGo, infoData("v"), []optReply{exportInfo(1<<20, vFlags|flagSendDF), ack}},
		"GO, contexts kept":        {[]step{extended, {optSetMetaContext, metaData("v", ContextAllocation)}, {optListMetaContext, metaData("v")}}, optGo, infoData("v"), []optReply{exportInfo(1<<20, vFlags|flagSendDF|flagBlockStatusPayload), ack}},
		"contexts, simple":         {nil, optListMetaContext, metaData("v"), code(repErrInvalid)},
		"contexts, set in simple":  {nil, optSetMetaContext, metaData("v", ContextAllocation), code(repErrInvalid)},
		"contexts":                 {[]step{structured}, optListMetaContext, metaData("v"), []optReply{context(0, ContextChanged), context(0, ContextAllocation), ack}},
		"contexts of base":         {[]step{structured}, optListMetaContext, metaData("v", "base:"), []optReply{context(0, ContextAllocation), ack}},
		"contexts of cairn":        {[]step{structured}, optListMetaContext, metaData("v", "x-cairn:"), []optReply{context(0, ContextChanged), ack}},
		"contexts of changes":      {[]step{extended}, optListMetaContext, metaData("v", ContextChanged), []optReply{context(0, changed("monday")), context(0, changed("tuesday")), ack}},
		"contexts by name":         {[]step{structured}, optListMetaContext, metaData("v", "qemu:dirty-bitmap:b", changed("monday"), changed("sunday"), "base:other"), []optReply{context(0, changed("monday")), ack}},
		"contexts of no export":    {[]step{structured}, optListMetaContext, metaData("w"), code(repErrUnknown)},
		"contexts, no namespace":   {[]step{structured}, optListMetaContext, metaData("v", "base"), code(repErrInvalid)},
		"contexts, long query":     {[]step{structured}, optListMetaContext, metaData("v", "x-"+strings.Repeat(":", maxString)), code(repErrTooBig)},
		"contexts, count beyond":   {[]step{structured}, optListMetaContext, join(u32(1), []byte("v"), u32(1<<30)), code(repErrInvalid)},
		"contexts, query beyond":   {[]step{structured}, optListMetaContext, join(u32(1), []byte("v"), u32(1), u32(9), []byte("base:")), code(repErrInvalid)},
		"contexts, more data":      {[]step{structured}, optListMetaContext, append(metaData("v"), 0), code(repErrInvalid)},
		"contexts, no data":        {[]step{structured}, optListMetaContext, nil, code(repErrInvalid)},
		"contexts, set":            {[]step{structured}, optSetMetaContext, metaData("v", changed("tuesday"), ContextAllocation, "base:other", "other:x", ContextAllocation), []optReply{context(1, ContextAllocation), context(2, changed("tuesday")), ack}},
		"contexts, set none":       {[]step{structured}, optSetMetaContext, metaData("v"), code(repAck)},
		"contexts, set wildcards":  {[]step{structured}, optSetMetaContext, metaData("v", "base:", "x-cairn:", ContextChanged), code(repAck)},
		"contexts, set, no export": {[]step{structured}, optSetMetaContext, metaData("w", ContextAllocation), code(repErrUnknown)},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, newTestServer(t, Config{Exports: twoVolumes()})).newstyle()
			for _, s := range test.before {
				c.option(s.opt, s.data)
			}
			got := c.option(test.opt, test.data)
			if last := &got[len(got)-1]; last.code >= 1<<31 {
				require.NotEmpty(t, last.payload, "an error says what is wrong")
				last.payload = nil
			}
			for i := range got {
				if len(got[i].payload) == 0 {
					got[i].payload = nil
				}
			}
			require.Equal(t, test.want, got)
			if test.opt != optGo || got[len(got)-1].code != repAck { // the handshake goes on
				require.Equal(t, repAck, c.final(optAbort, []byte("data is ignored")))
				c.requireHangUp()
			}
		})
	}
}

// What cannot be answered ends the connection, and no one stays attached.
func TestHandshakeViolations(t *testing.T) {
	long := make([]byte, maxString+1)
	for name, test := range map[string]struct {
		flags uint32
		send  []byte // after the greeting
	}{
		"older than fixed newstyle": {0, nil},
		"zeroes only":               {flagNoZeroes, nil},
		"unknown client flag":       {flagFixedNewstyle | 4, nil},
		"wrong magic":               {flagFixedNewstyle, make([]byte, 16)},
		"a request":                 {flagFixedNewstyle, join(u32(magicRequest), make([]byte, 24))},
		"announces too much":        {flagFixedNewstyle, optionBytes(optList, nil, maxSkipped+1)},
		"name not there":            {flagFixedNewstyle, optionBytes(optExportName, []byte("w"), 1)},
		"name too long":             {flagFixedNewstyle, optionBytes(optExportName, long, len(long))},
		"name not UTF-8":            {flagFixedNewstyle, optionBytes(optExportName, []byte{0xff}, 1)},
		"short form when extended":  {flagFixedNewstyle, join(optionBytes(optExtendedHeaders, nil, 0), optionBytes(optExportName, []byte("v"), 1))},
	} {
		t.Run(name, func(t *testing.T) {
			exports := twoVolumes()
			c := dial(t, newTestServer(t, Config{Exports: exports})).greet(test.flags)
			_, _ = c.conn.Write(test.send)
			if name == "short form when extended" {
				c.read(lenOptionReply)
			}
			c.requireHangUp()
			require.Empty(t, exports[0].attachments())
		})
	}
}

func optionBytes(opt option, data []byte, announced int) []byte {
	return join(binary.BigEndian.AppendUint64(nil, magicOption), u32(uint32(opt)), u32(uint32(announced)), data)
}

// EXPORT_NAME has an answer of its own, with padding for old clients.
func TestExportName(t *testing.T) {
	for flags, size := range map[uint32]int{flagFixedNewstyle: 10 + 124, flagFixedNewstyle | flagNoZeroes: 10} {
		c := dial(t, newTestServer(t, Config{Exports: twoVolumes()})).greet(flags)
		c.sendOption(optExportName, []byte("v"))
		b := c.read(size)
		require.EqualValues(t, 1<<20, binary.BigEndian.Uint64(b))
		require.EqualValues(t, vFlags, binary.BigEndian.Uint16(b[8:]))
		require.Zero(t, c.errnoOfDo(cmdRead, 0, 0, 1, nil))
	}
}

// A client that does not speak, and one that stops in the middle, are cut.
func TestHandshakeTimeout(t *testing.T) {
	s := newTestServer(t, Config{Exports: twoVolumes(), Limits: Limits{Handshake: 30 * time.Millisecond}})
	silent, halfway := dial(t, s), dial(t, s).newstyle()
	halfway.write(optionBytes(optInfo, nil, 20))
	silent.read(18)
	silent.requireHangUp()
	halfway.requireHangUp()
}

// brokenExports fails with err, or describes itself by info.
type brokenExports struct {
	memExports
	info *Info
	err  error
}

func (b brokenExports) List(ctx context.Context, p Peer) ([]Listing, error) {
	return nil, b.err
}

func (b brokenExports) Describe(ctx context.Context, p Peer, name string) (Info, error) {
	if b.info != nil {
		return *b.info, nil
	}
	return Info{}, b.err
}

func (b brokenExports) Attach(ctx context.Context, p Peer, name string) (Export, error) {
	if b.info == nil {
		return nil, b.err
	}
	b.memExports[0].info = *b.info
	return b.memExports.Attach(ctx, p, name)
}

func TestCatalogueErrors(t *testing.T) {
	for kind, want := range map[store.ErrKind]replyCode{
		store.KindNotFound:    repErrUnknown,
		store.KindDenied:      repErrPolicy,
		store.KindConflict:    repErrPolicy,
		store.KindInvalid:     repErrInvalid,
		store.KindTooLarge:    repErrTooBig,
		store.KindUnavailable: repErrUnknown,
	} {
		err := &store.Error{Op: "secret", Kind: kind, Hint: "try elsewhere", Err: errors.New("secret")}
		c := dial(t, newTestServer(t, Config{Exports: brokenExports{err: err}})).newstyle()
		for _, opt := range []option{optList, optInfo, optGo} {
			data := infoData("v")
			if opt == optList {
				data = nil
			}
			got := c.option(opt, data)
			require.Equal(t, []optReply{{want, []byte(kind.String() + ": try elsewhere")}}, got)
		}
	}
}

// An export that describes itself wrongly is not served, and is detached.
func TestWrongInfo(t *testing.T) {
	for name, info := range map[string]Info{
		"name":      {Name: strings.Repeat("n", maxString+1)},
		"size":      {Size: -1},
		"minimum":   {MinBlock: 3},
		"large":     {MinBlock: 128 << 10},
		"preferred": {PreferredBlock: 256},
		"below":     {MinBlock: 8192, PreferredBlock: 4096},
	} {
		v := newMemVolume("v", 1<<20)
		c := dial(t, newTestServer(t, Config{Exports: brokenExports{memExports: memExports{v}, info: &info}})).newstyle()
		require.Equal(t, repErrUnknown, c.final(optGo, infoData("")), name)
		require.Equal(t, repErrUnknown, c.final(optInfo, infoData("")), name)
		require.Empty(t, v.attachments(), name)
	}
}
