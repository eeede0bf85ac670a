package nbd

import "fmt"

// The names and numbers of this file are those of the NBD protocol
// (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md and its
// branch extension-ext-header). All integers on the wire are big-endian. What is
// missing is not offered: bit 9 of the transmission flags and command 8 (RESIZE),
// option 4 (withdrawn), the error replies PLATFORM and BLOCK_SIZE_REQD (an export
// serves clients that do not ask for its block sizes, and refuses what is not
// aligned), the chunk type ERROR_OFFSET (a read fails as a whole), and ENOMEM.

const (
	magicGreeting    uint64 = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption      uint64 = 0x49484156454f5054 // "IHAVEOPT"
	magicOptionReply uint64 = 0x0003e889045565a9

	magicRequest         uint32 = 0x25609513
	magicExtendedRequest uint32 = 0x21e41c71
	magicSimpleReply     uint32 = 0x67446698
	magicStructuredReply uint32 = 0x668e33ef
	magicExtendedReply   uint32 = 0x6e8a278c
)

// Handshake flags of the server, and of the client in the same bits.
const (
	flagFixedNewstyle = 1 << 0
	flagNoZeroes      = 1 << 1
)

// Transmission flags: what an export can do. A client must not use what is not
// announced; one that does gets EINVAL.
const (
	flagHasFlags           uint16 = 1 << 0
	flagReadOnly           uint16 = 1 << 1
	flagSendFlush          uint16 = 1 << 2
	flagSendFUA            uint16 = 1 << 3
	flagRotational         uint16 = 1 << 4
	flagSendTrim           uint16 = 1 << 5
	flagSendWriteZeroes    uint16 = 1 << 6
	flagSendDF             uint16 = 1 << 7
	flagCanMultiConn       uint16 = 1 << 8
	flagSendCache          uint16 = 1 << 10
	flagSendFastZero       uint16 = 1 << 11
	flagBlockStatusPayload uint16 = 1 << 12
)

// option is a request during the handshake.
type option uint32

const (
	optExportName      option = 1
	optAbort           option = 2
	optList            option = 3
	optStartTLS        option = 5
	optInfo            option = 6
	optGo              option = 7
	optStructuredReply option = 8
	optListMetaContext option = 9
	optSetMetaContext  option = 10
	optExtendedHeaders option = 11
)

// replyCode is the type of an answer to an option; errors have the top bit.
type replyCode uint32

const (
	repAck         replyCode = 1
	repServer      replyCode = 2
	repInfo        replyCode = 3
	repMetaContext replyCode = 4

	repErrUnsup           replyCode = 1<<31 + 1
	repErrPolicy          replyCode = 1<<31 + 2
	repErrInvalid         replyCode = 1<<31 + 3
	repErrTLSReqd         replyCode = 1<<31 + 5
	repErrUnknown         replyCode = 1<<31 + 6
	repErrShutdown        replyCode = 1<<31 + 7
	repErrTooBig          replyCode = 1<<31 + 9
	repErrExtendedHdrReqd replyCode = 1<<31 + 10
)

// infoType is what a client asks of an export with INFO or GO.
type infoType uint16

const (
	infoExport      infoType = 0
	infoName        infoType = 1
	infoDescription infoType = 2
	infoBlockSize   infoType = 3
)

// command is the type of a request in the transmission phase.
type command uint16

const (
	cmdRead        command = 0
	cmdWrite       command = 1
	cmdDisc        command = 2
	cmdFlush       command = 3
	cmdTrim        command = 4
	cmdCache       command = 5
	cmdWriteZeroes command = 6
	cmdBlockStatus command = 7
)

// Command flags. FUA is allowed with every command, the others with one each;
// PAYLOAD_LEN says, with extended headers, that length is that of a payload.
const (
	cmdFlagFUA        uint16 = 1 << 0
	cmdFlagNoHole     uint16 = 1 << 1
	cmdFlagDF         uint16 = 1 << 2
	cmdFlagReqOne     uint16 = 1 << 3
	cmdFlagFastZero   uint16 = 1 << 4
	cmdFlagPayloadLen uint16 = 1 << 5
)

// chunkType is the type of a structured or extended reply chunk.
type chunkType uint16

const (
	chunkNone           chunkType = 0
	chunkOffsetData     chunkType = 1
	chunkOffsetHole     chunkType = 2
	chunkBlockStatus    chunkType = 5
	chunkBlockStatusExt chunkType = 6
	chunkError          chunkType = 1<<15 + 1
)

// chunkDone marks the last chunk of a reply.
const chunkDone uint16 = 1 << 0

// errno is the error field of a reply; zero is success.
type errno uint32

const (
	ePerm     errno = 1
	eIO       errno = 5
	eInval    errno = 22
	eNoSpc    errno = 28
	eOverflow errno = 75
	eNotSup   errno = 95
	eShutdown errno = 108
)

// Lengths of the fixed parts of messages, in bytes.
const (
	lenOptionHeader    = 16
	lenOptionReply     = 20
	lenRequest         = 28
	lenExtendedRequest = 32
	lenSimpleReply     = 16
	lenStructuredReply = 20
	lenExtendedReply   = 32
)

// maxString is the longest string of the protocol, in bytes: the name of an
// export, a query, a message.
const maxString = 4096

// style is how transmission is framed; each one includes what those before it
// can do.
type style uint8

const (
	styleSimple     style = iota // 16-byte replies; what the Linux kernel speaks
	styleStructured              // replies in chunks
	styleExtended                // 64-bit lengths in requests and replies
)

var commandNames = [...]string{"READ", "WRITE", "DISC", "FLUSH", "TRIM", "CACHE", "WRITE_ZEROES", "BLOCK_STATUS"}

func (c command) String() string {
	if int(c) < len(commandNames) {
		return commandNames[c]
	}
	return fmt.Sprintf("command %d", uint16(c))
}
