// Package cli is the command line. Each command is a file: newXCommand builds
// it, an options struct holds its flags, and runX does the work.
//
// # Contract
//
//   - Results go to standard output; everything else, progress, logs and errors,
//     to standard error.
//   - Every command takes --json and then writes one JSON document (or, where a
//     command runs on, one a line) whose fields are never renamed or removed.
//   - The exit code says what happened; exit.go has the one table.
//   - An error that a person sees ends with what to do next.
//   - Colours only on a terminal and never with NO_COLOR set.
//
// Commands other than dev, server, join and simulate speak to a running cluster
// through its admin API. They find it by --admin, by CAIRN_ADMIN, or in
// ./cairn-data, in this order.
package cli
