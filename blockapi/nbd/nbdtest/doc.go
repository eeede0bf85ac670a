// Package nbdtest is the conformance suite of nbd.Export. Whatever serves blocks
// runs it: [Run] needs only a way to open an empty volume. It checks what a
// client can see and who owns which buffer; what survives a crash is for the
// tests of the implementation, which know how to crash it.
package nbdtest
