// Package machine is the rows and the commands of S3 objects: a deterministic
// [store.Machine] that the metadata host runs on every replica, and the typed
// [Client] with which a gateway speaks to it.
//
// # Promises
//
// Every command is atomic: all its rows change together or, with an error, none
// does. Conditions (If-Match, If-None-Match) are evaluated inside the command,
// on the state it changes, so there is no race between check and write. Apply
// is a pure function of rows and arguments; time and random numbers come in the
// command. When a method of Client returns without an error, its effect is
// committed by a majority.
//
// A command touches about 1,300 rows and blobs at most, with one exception:
// Complete reads the head of every part row of its upload, but copies none.
//
// # Rows
//
// All rows of an object have its key as key, and so are in one range. The
// current object is one head row: metadata, and the body up to 4 KiB or the
// refs of up to 4 blobs. A PUT of more blobs has its refs in one manifest row.
//
// A multipart object keeps the part rows of its upload where they are: the head
// row names the upload, and pages of 512 parts each (number and size) index
// them by offset. Completing 10,000 parts so writes 20 rows of 3 KiB instead of
// moving 10,000; a range read searches the pages, then reads only the part rows
// that the range touches. The price is one more row read in a GET of such an
// object.
//
// # Freeing data
//
// A command that drops blobs unrefs them itself as long as that is bounded. The
// parts of a multipart object or an upload may be 10,000 with 640 blobs each:
// the command frees the first few, and leaves a dead row that names the rest.
// The reply says so, and [Client.Drain] frees them page by page. Until a part's
// row is gone it refers to its blobs, so nothing is freed twice or lost however
// often a drain is interrupted; [Client.Sweep] finds what was left.
//
// # When something dies in between
//
// A gateway that dies after its blobs and before its command leaves orphans,
// which the engine collects after a day. One that dies after the command and
// before Drain leaves a dead row, which Sweep finds. A leader that dies in Drain
// leaves the pages that were committed, and the dead row with the rest.
//
// Sealing a bucket takes a command for each range, because the rows of a range
// can only tell about that range. While the ranges are walked, objects can still
// be put into those not sealed yet; the walk then meets them and answers that
// the bucket is not empty, after it has opened the others again. A gateway that
// dies in the middle leaves some ranges sealed: the bucket's name is in the
// state "deleting" all the while and takes no writes, and whoever repeats the
// deletion, or takes it back, walks all ranges again. A range that splits
// between its seal and the end of the walk has its right half open; the walk is
// repeated until it finds every range sealed.
//
// # Repeated commands
//
// The host runs a command once even if it was sent twice with one number. A
// sender that gave up does not know the outcome; the S3 client behind it may
// repeat its request, which is a new command. Only for Complete that needs care:
// one that finds the object it has made (same upload and list, within 24 hours,
// still current) answers as the first time, where the upload itself is gone.
//
// # Formats
//
// Every row, command and query begins with a format byte; golden files of each
// are in proto/testdata/object. Format 1 is defined at the types. What this
// version does not know (format, flag, field, body kind, command) gives
// [store.KindUnknownFormat] and is never skipped.
package machine
