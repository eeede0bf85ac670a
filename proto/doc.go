// Package proto holds the messages of the calls between nodes, one .proto file
// a service, and in testdata the golden bytes of every on-disk format. The
// generated code is made by `go generate ./proto` and committed.
package proto

//go:generate sh -c "protoc -I . --go_out=. --go_opt=paths=source_relative *.proto"
