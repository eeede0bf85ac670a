package health

import (
	"fmt"
	"strings"
	"time"
)

// checks is the registry. Names are stable: alerts and scripts know them.
var checks = []check{
	{"nodes", okNodes, findNodes},
	{"zones", okZones, findZones},
	{"root", okRoot, findRoot},
	{"metadata", okMetadata, findMetadata},
	{"replicas", okReplicas, findReplicas},
	{"metadata-disk", okMetaDisk, findMetaDisk},
	{"disks", okDisks, findDisks},
	{"disk-space", okSpace, findSpace},
	{"redundancy", okRedundancy, findRedundancy},
	{"promise", okPromise, findPromise},
	{"repairs", okRepairs, findRepairs},
	{"debts", okDebts, findDebts},
	{"deletes", okDeletes, findDeletes},
	{"clocks", okClocks, findClocks},
	{"versions", okVersions, findVersions},
	{"open-files", okOpenFiles, findOpenFiles},
	{"huge-pages", okHugePages, findHugePages},
}

// maxNamed bounds the names in a sentence; Affected has all of them.
const maxNamed = 4

// list writes names as people do: "a1, a2 and 3 more".
func list(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// ago writes a time since as people say it.
func ago(now time.Time, t *time.Time) string {
	if t == nil {
		return ""
	}
	return " for " + now.Sub(*t).Round(time.Second).String()
}
