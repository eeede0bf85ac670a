package health

import (
	"testing"

	"github.com/stretchr/testify/assert"

	pb "cairn/proto"
)

func TestVerdict(t *testing.T) {
	formed := &Facts{Cluster: &pb.ClusterRow{Formed: true}}
	for name, c := range map[string]struct {
		conditions []Condition
		want       Verdict
	}{
		"nothing":                 {nil, Healthy},
		"worth knowing":           {[]Condition{{Severity: Info}}, Healthy},
		"a warning of what comes": {[]Condition{{Severity: Warning, Later: true}}, Healthy},
		"less behind the data":    {[]Condition{{Severity: Warning, Later: true}, {Severity: Warning}}, Degraded},
		"something fails":         {[]Condition{{Severity: Warning}, {Severity: Critical, Stops: true}}, Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := verdict(formed, &Status{Conditions: c.conditions})
			assert.Equal(t, c.want, got)
		})
	}
}
