// Package machine is the rows and the commands of block volumes.
package machine
