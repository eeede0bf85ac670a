package layers

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module is the prefix of our own import paths.
const module = "cairn/"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
	Standard        bool
}

// rule forbids imports: a package below From must not import one below To.
type rule struct {
	From, To, Why string
}

// Prefixes are paths in the module; "" is everything of ours.
var rules = []rule{
	{"store", "", "store is the waist: it knows only the standard library"},
	{"objectapi", "node", "front ends see the engine only through store"},
	{"blockapi", "node", "front ends see the engine only through store"},
	{"fileapi", "node", "front ends see the engine only through store"},
	{"objectapi", "placement", "front ends do not know where shards are"},
	{"blockapi", "placement", "front ends do not know where shards are"},
	{"fileapi", "placement", "front ends do not know where shards are"},
	{"objectapi", "proto", "front ends speak to the engine in Go, not in messages"},
	{"blockapi", "proto", "front ends speak to the engine in Go, not in messages"},
	{"fileapi", "proto", "front ends speak to the engine in Go, not in messages"},
	{"objectapi", "blockapi", "services do not know each other"},
	{"objectapi", "fileapi", "services do not know each other"},
	{"blockapi", "objectapi", "services do not know each other"},
	{"fileapi", "objectapi", "services do not know each other"},
	{"iam", "node", "identities live in the registry of names, behind store"},
	{"placement", "node", "placement is pure"},
	{"placement", "proto", "placement is pure"},
	{"proto", "node", "messages know nobody"},
	{"node", "internal/cli", "the engine does not know its command line"},
	{"node/raftgroup", "node/root", "Raft groups do not know their state machines"},
	{"node/raftgroup", "node/meta", "Raft groups do not know their state machines"},
	{"node/root", "node/meta", "the root does not know the groups' contents"},
	{"node/data", "node/root", "disks store what they are told to"},
	{"node/data", "node/meta", "disks store what they are told to"},
	{"node/data", "node/blob", "disks store what they are told to"},
	{"node/fabric", "node/root", "the fabric carries, and does not read"},
}

// exceptions are allowed although a rule above covers them.
var exceptions = map[[2]string]bool{
	{"store/memstore", "store"}:           true,
	{"store/storetest", "store"}:          true,
	{"store/storetest", "store/memstore"}: true,
}

func below(path, prefix string) bool {
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

func TestImportsGoOneWay(t *testing.T) {
	for _, p := range list(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, module)
			for _, r := range rules {
				if ours && below(from, r.From) && below(to, r.To) && !exceptions[[2]string{from, to}] {
					t.Errorf("%s imports %s: %s", from, to, r.Why)
				}
			}
		}
	}
}

func TestStoreKnowsOnlyTheStandardLibrary(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"store" {
			continue
		}
		for _, imp := range p.Imports {
			require.NotContains(t, strings.SplitN(imp, "/", 2)[0], ".", "store imports %s", imp)
		}
	}
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	for _, p := range list(t) {
		documented := len(p.GoFiles) == 0
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			require.NoError(t, err)
			documented = documented || hasText(f.Doc)
		}
		if !documented {
			t.Errorf("package %s has no comment", p.ImportPath)
		}
	}
}

func hasText(doc *ast.CommentGroup) bool { return doc != nil && len(doc.Text()) > 40 }
