package testproc

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are taken from below the range that the kernel gives to outgoing
// connections, so that none is lost to one while its node is down.
const firstPort, lastPort = 10000, 30000

// freePorts returns n ports of loopback that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for tries := 0; tries < 100*n; tries++ {
		p := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", loopback(p))
		if err != nil {
			continue
		}
		defer l.Close() // held until all are found, so that none is found twice
		if ports = append(ports, p); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, firstPort, lastPort)
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
