// Command cairn is Cairn: its servers, and the tools to run and look at them.
// All of it is in package cli.
package main

import (
	"os"

	"cairn/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
