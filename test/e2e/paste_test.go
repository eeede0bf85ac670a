package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPaste runs the lines that `cairn dev` prints for another shell, as they are
// printed.
func TestPaste(t *testing.T) {
	dir := t.TempDir()
	dev := exec.Command(cairnBinary, "dev", "--dir", dir+"/it's here", "--s3", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	dev.Stderr = os.Stderr
	out, err := dev.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, dev.Start())
	t.Cleanup(func() {
		_ = dev.Process.Signal(os.Interrupt)
		require.NoError(t, dev.Wait(), "an interrupt is how it is stopped")
	})
	lines := pasteLines(bufio.NewScanner(out))
	require.Len(t, lines, 3)
	shell := exec.CommandContext(t.Context(), "sh", "-e")
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8"}
	shell.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\naws --endpoint-url $AWS_ENDPOINT_URL s3 ls s3://demo/\n")
	answer, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", answer)
	require.Regexp(t, `(?m) hostname$`, string(answer))
}

// pasteLines reads up to the end of the lines to paste.
func pasteLines(s *bufio.Scanner) (lines []string) {
	inside := false
	for s.Scan() {
		switch line := s.Text(); {
		case line == "In another shell:":
			inside = true
		case inside && strings.HasPrefix(line, "Ctrl-C"):
			return lines
		case inside && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}
