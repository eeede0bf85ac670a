package s3xml

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	root, err := Parse([]byte(`<?xml version="1.0"?>
<!-- a <comment> --><s3:Delete xmlns:s3="x>y" a='">'>
 <Object ><Key> a&amp;b&#x1;&#10;<![CDATA[<c>]]></Key ><VersionId/></Object>
 <Quiet>true</Quiet>
</s3:Delete>
`))
	require.NoError(t, err)
	require.Equal(t, "Delete", root.Name)
	object := root.Child("Object")
	key, ok := object.Value("Key")
	require.True(t, ok)
	require.Equal(t, " a&b\x01\n<c>", key)
	_, ok = object.Value("VersionId")
	require.True(t, ok)
	_, ok = object.Value("ETag")
	require.False(t, ok)
	require.Equal(t, "true", root.Trimmed("Quiet"))
	require.Equal(t, "", root.Child("none").Trimmed("x"))
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "text", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a>&unknown;</a>", "<a>&#xD800;</a>", "<a>&#;</a>", "<a>&lt</a>",
		"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<a", "<a b='>", "< a/>", "<a><!-- </a>", "<a>]]></a",
		strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20),
		"<a>" + strings.Repeat("<b/>", maxElements) + "</a>",
	} {
		_, err := Parse([]byte(s))
		require.Error(t, err, "%.60q", s)
	}
}

// TestTextRoundTrips writes any text and reads it back, with this package and,
// where XML 1.0 allows it, with encoding/xml.
func TestTextRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		w := NewWriter("Root")
		w.Text("Key", s)
		doc := w.Bytes()
		root, err := Parse(doc)
		require.NoError(t, err)
		require.Equal(t, s, root.Child("Key").Text)
		var std struct{ Key string }
		if xml.Unmarshal(doc, &std) == nil {
			require.Equal(t, s, std.Key)
		}
	})
}

func TestWriter(t *testing.T) {
	w := NewWriter("ListBucketResult")
	w.Text("Name", "a<b>&\"c\x00\t")
	w.TextIf("Marker", "")
	w.Open("Contents")
	w.Int("Size", 5<<40)
	w.Bool("IsTruncated", true)
	w.Time("LastModified", time.UnixMilli(1700000000123))
	require.Equal(t, header+`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>a&lt;b&gt;&amp;&quot;c&#x0;&#x9;</Name>`+
		`<Contents><Size>5497558138880</Size><IsTruncated>true</IsTruncated><LastModified>2023-11-14T22:13:20.123Z</LastModified></Contents></ListBucketResult>`,
		string(w.Bytes()))
}

// FuzzParse compares with encoding/xml: what that accepts and this refuses, or
// the other way round, is only ever one of the documented differences; here, no
// input may crash or make a tree beyond its bounds.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`<Delete><Object><Key>a</Key></Object></Delete>`))
	f.Add([]byte(`<?xml version="1.0"?><a b="c"><![CDATA[x]]>&#65;</a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := Parse(b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, depth(root), maxDepth)
		require.LessOrEqual(t, textLen(root), len(b))
	})
}

// TestParseIsLinear gives texts in a million pieces; a parser that joins them one
// by one would take minutes.
func TestParseIsLinear(t *testing.T) {
	for _, piece := range []string{"&lt;", "x<!---->", "<![CDATA[x]]>"} {
		root, err := Parse([]byte("<a>" + strings.Repeat(piece, 1_000_000) + "</a>"))
		require.NoError(t, err)
		require.Len(t, root.Text, 1_000_000)
	}
}

func depth(n *Node) int {
	d := 0
	for _, c := range n.Children {
		d = max(d, depth(c))
	}
	return d + 1
}

func textLen(n *Node) int {
	l := len(n.Text)
	for _, c := range n.Children {
		l += textLen(c)
	}
	return l
}

func BenchmarkParseComplete(b *testing.B) {
	doc := []byte("<CompleteMultipartUpload>" + strings.Repeat("<Part><PartNumber>10000</PartNumber><ETag>&quot;e5a8c5272b26fc10581a21089559b006&quot;</ETag></Part>", 10_000) + "</CompleteMultipartUpload>")
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
