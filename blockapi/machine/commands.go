package machine

// opcode numbers commands and queries. Numbers are stored in logs.
type opcode uint8

// The commands.
const (
	opCreateVolume        opcode = 1
	opDeleteVolume        opcode = 2
	opModify              opcode = 3
	opAdvanceModification opcode = 4
	opSetVolume           opcode = 5
	opAttach              opcode = 6
	opDetach              opcode = 7

	opClaim     opcode = 16
	opRenew     opcode = 17
	opRecovered opcode = 18
	opRegister  opcode = 19
	opSeal      opcode = 20
	opTrim      opcode = 21
	opFlush     opcode = 22

	opCreateSnapshot   opcode = 32
	opStartSnapshot    opcode = 33
	opCompleteSnapshot opcode = 34
	opCopySnapshot     opcode = 35
	opDeleteSnapshot   opcode = 36
	opShareSnapshot    opcode = 37
	opLockSnapshot     opcode = 38
	opUnlockSnapshot   opcode = 39
	opSetTier          opcode = 40

	opRetag   opcode = 48
	opRestore opcode = 49
	opPurge   opcode = 50

	opSweep   opcode = 64
	opFlatten opcode = 65
	opCompact opcode = 66
)

// The queries.
const (
	queryVolumes    opcode = 128
	querySnapshots  opcode = 129
	querySnapshot   opcode = 130
	queryTakeover   opcode = 131
	queryMap        opcode = 132
	queryBlocks     opcode = 133
	queryUnique     opcode = 134
	querySparse     opcode = 135
	queryFragmented opcode = 136
	queryFamily     opcode = 137
)

// commands are all commands by their number.
var commands = map[opcode]struct {
	name  string
	frees bool // it does nothing but give space back
	make  func() command
}{
	opCreateVolume:        {"create volume", false, func() command { return &CreateVolume{} }},
	opDeleteVolume:        {"delete volume", true, func() command { return &DeleteVolume{} }},
	opModify:              {"modify volume", false, func() command { return &Modify{} }},
	opAdvanceModification: {"advance modification", false, func() command { return &AdvanceModification{} }},
	opSetVolume:           {"set volume", false, func() command { return &SetVolume{} }},
	opAttach:              {"attach volume", false, func() command { return &Attach{} }},
	opDetach:              {"detach volume", false, func() command { return &Detach{} }},

	opClaim:     {"claim volume", false, func() command { return &Claim{} }},
	opRenew:     {"renew claim", false, func() command { return &Renew{} }},
	opRecovered: {"end recovery", false, func() command { return &Recovered{} }},
	opRegister:  {"register segments", false, func() command { return &Register{} }},
	opSeal:      {"seal segment", false, func() command { return &Seal{} }},
	opTrim:      {"trim journal", true, func() command { return &Trim{} }},
	opFlush:     {"flush journal", false, func() command { return &Flush{} }},

	opCreateSnapshot:   {"create snapshot", false, func() command { return &CreateSnapshot{} }},
	opStartSnapshot:    {"start snapshot", false, func() command { return &StartSnapshot{} }},
	opCompleteSnapshot: {"complete snapshot", false, func() command { return &CompleteSnapshot{} }},
	opCopySnapshot:     {"copy snapshot", false, func() command { return &CopySnapshot{} }},
	opDeleteSnapshot:   {"delete snapshot", true, func() command { return &DeleteSnapshot{} }},
	opShareSnapshot:    {"share snapshot", false, func() command { return &ShareSnapshot{} }},
	opLockSnapshot:     {"lock snapshot", false, func() command { return &LockSnapshot{} }},
	opUnlockSnapshot:   {"unlock snapshot", false, func() command { return &UnlockSnapshot{} }},
	opSetTier:          {"set snapshot tier", false, func() command { return &SetTier{} }},

	opRetag:   {"tag", false, func() command { return &Retag{} }},
	opRestore: {"restore", false, func() command { return &Restore{} }},
	opPurge:   {"purge", true, func() command { return &Purge{} }},

	opSweep:   {"sweep", true, func() command { return &sweep{} }},
	opFlatten: {"flatten volume", false, func() command { return &Flatten{} }},
	opCompact: {"compact", false, func() command { return &Compact{} }},
}

// queries are all queries by their number.
var queries = map[opcode]struct {
	name string
	make func() query
}{
	queryVolumes:    {"list volumes", func() query { return &askVolumes{} }},
	querySnapshots:  {"list snapshots", func() query { return &askSnapshots{} }},
	querySnapshot:   {"read snapshot", func() query { return &askSnapshot{} }},
	queryTakeover:   {"read takeover", func() query { return &askTakeover{} }},
	queryMap:        {"read page map", func() query { return &askMap{} }},
	queryBlocks:     {"list blocks", func() query { return &askBlocks{} }},
	queryUnique:     {"add up unique pages", func() query { return &askUnique{} }},
	querySparse:     {"list sparse blobs", func() query { return &askSparse{} }},
	queryFragmented: {"list fragmented chunks", func() query { return &askFragmented{} }},
	queryFamily:     {"read family", func() query { return &askFamily{} }},
}
