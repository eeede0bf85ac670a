package objectapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
	"cairn/objectapi/uri"
)

const maxBucketTags = 50

// parseTagQuery reads the x-amz-tagging header: tags in the form of a query.
func parseTagQuery(s string) ([]machine.Pair, error) {
	params, err := uri.ParseQuery(s)
	if err != nil {
		return nil, invalidArgument("x-amz-tagging", s, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	tags := make([]machine.Pair, len(params))
	for i, p := range params {
		tags[i] = machine.Pair{Name: p.Name, Value: p.Value}
	}
	return tags, checkTags(tags, machine.MaxTags, "Object")
}

// parseTagging reads a Tagging document.
func parseTagging(doc []byte, most int, what string) ([]machine.Pair, error) {
	root, err := s3xml.Parse(doc)
	if err != nil || root.Name != "Tagging" || root.Child("TagSet") == nil {
		return nil, s3err.New(s3err.MalformedXML).Because(err)
	}
	return parseTags(root.Child("TagSet"), most, what)
}

// parseTags reads the tags that stand in an element.
func parseTags(in *s3xml.Node, most int, what string) ([]machine.Pair, error) {
	var tags []machine.Pair
	for _, t := range in.Children {
		name, okName := t.Value("Key")
		value, okValue := t.Value("Value")
		if t.Name != "Tag" || !okName || !okValue {
			return nil, s3err.New(s3err.MalformedXML)
		}
		tags = append(tags, machine.Pair{Name: name, Value: value})
	}
	return tags, checkTags(tags, most, what)
}

// checkTags refuses bad tags and sorts good ones by name, as they are listed.
func checkTags(tags []machine.Pair, most int, what string) error {
	if len(tags) > most {
		return s3err.Msg(s3err.InvalidTag, what+" tags cannot be greater than "+strconv.Itoa(most))
	}
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		switch {
		case !validTagText(t.Name, 1, machine.MaxTagKey):
			return s3err.Msg(s3err.InvalidTag, "The TagKey you have provided is invalid").With("TagKey", t.Name)
		case strings.HasPrefix(t.Name, "aws:"):
			return s3err.Msg(s3err.InvalidTag, "System tags cannot be added/updated by requester").With("TagKey", t.Name)
		case !validTagText(t.Value, 0, machine.MaxTagValue):
			return s3err.Msg(s3err.InvalidTag, "The TagValue you have provided is invalid").With("TagKey", t.Name).With("TagValue", t.Value)
		case seen[t.Name]:
			return s3err.Msg(s3err.InvalidTag, "Cannot provide multiple Tags with the same key").With("TagKey", t.Name)
		}
		seen[t.Name] = true
	}
	slices.SortFunc(tags, func(a, b machine.Pair) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// validTagText reports whether s has least to most characters, all of them
// letters, digits, spaces or one of + - = . _ : / @.
func validTagText(s string, least, most int) bool {
	if n := utf8.RuneCountInString(s); n < least || n > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Zs, r) && !strings.ContainsRune("+-=._:/@", r) {
			return false
		}
	}
	return true
}

func (q *request) replyTags(tags []machine.Pair) error {
	w := s3xml.NewWriter("Tagging")
	w.Open("TagSet")
	for _, t := range tags {
		w.Open("Tag")
		w.Text("Key", t.Name)
		w.Text("Value", t.Value)
		w.Close()
	}
	return q.replyXML(w)
}

// getObjectTagging answers GetObjectTagging.
func (q *request) getObjectTagging() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	rec, err := q.g.objects.Head(q.ctx(), q.ns, q.key)
	if err != nil {
		return err
	}
	return q.replyTags(rec.Tags)
}

// putObjectTagging answers PutObjectTagging.
func (q *request) putObjectTagging() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	doc, err := q.readDocument(true)
	if err != nil {
		return err
	}
	tags, err := parseTagging(doc, machine.MaxTags, "Object")
	if err != nil {
		return err
	}
	if err := q.g.objects.SetTags(q.ctx(), q.ns, q.key, tags); err != nil {
		return err
	}
	return q.reply(http.StatusOK)
}

// deleteObjectTagging answers DeleteObjectTagging.
func (q *request) deleteObjectTagging() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	if err := q.g.objects.SetTags(q.ctx(), q.ns, q.key, nil); err != nil {
		return err
	}
	return q.reply(http.StatusNoContent)
}
