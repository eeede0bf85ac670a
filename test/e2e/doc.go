// Package e2e tests the product from outside: six real processes in three zones,
// real S3 clients, and faults as they happen to machines. It needs aws, s3cmd,
// rclone, restic and curl on PATH; one that is missing fails the test.
//
//	go test ./test/e2e                          what CI runs
//	go test ./test/e2e -run Large -long         one object of 5 GiB
//	go test ./test/e2e -run Kill -v             one fault of each kind, and the table
//	go test -timeout 0 ./test/e2e -run Kill -v -chaos 30m     by chance for half an hour
//
// When a test fails, the logs of the nodes are kept and their place is told.
package e2e
