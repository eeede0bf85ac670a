package postform

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"cairn/objectapi/s3err"
)

// Policy is what a form's maker allows.
type Policy struct {
	expires    time.Time
	conditions []condition
	// MinSize and MaxSize bound the file.
	MinSize, MaxSize int64
}

type condition struct {
	prefix bool // starts-with, else equal
	field  string
	value  string
}

// ParsePolicy reads a policy in base64, as it stands in the form.
func ParsePolicy(encoded string) (*Policy, error) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, invalid("it is not base64")
	}
	var doc map[string]json.RawMessage // not a struct: the names' case counts
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, invalid("it is not JSON")
	}
	var expiration string
	p := &Policy{MaxSize: math.MaxInt64}
	if json.Unmarshal(doc["expiration"], &expiration) != nil {
		return nil, invalid("it has no expiration")
	}
	if p.expires, err = time.Parse(time.RFC3339, expiration); err != nil {
		return nil, invalid("its expiration is not a date")
	}
	var conditions []json.RawMessage
	if json.Unmarshal(doc["conditions"], &conditions) != nil || conditions == nil {
		return nil, invalid("it has no conditions")
	}
	for _, c := range conditions {
		if err := p.add(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func invalid(why string) error {
	return s3err.Msg(s3err.InvalidPolicyDocument, "Invalid Policy: "+why+".")
}

// add reads one condition: {"field": "value"}, ["eq", "$field", "value"],
// ["starts-with", "$field", "value"] or ["content-length-range", min, max].
func (p *Policy) add(raw json.RawMessage) error {
	var equal map[string]string
	if json.Unmarshal(raw, &equal) == nil && equal != nil {
		if len(equal) == 0 {
			return invalid("a condition is empty")
		}
		for field, value := range equal {
			p.conditions = append(p.conditions, condition{field: strings.ToLower(field), value: value})
		}
		return nil
	}
	var list []any
	if json.Unmarshal(raw, &list) != nil || len(list) != 3 {
		return invalid("a condition is neither an object nor a list of three")
	}
	kind, _ := list[0].(string)
	if strings.EqualFold(kind, "content-length-range") {
		return p.addRange(list)
	}
	field, okField := list[1].(string)
	value, okValue := list[2].(string)
	field, dollar := strings.CutPrefix(field, "$")
	prefix := strings.EqualFold(kind, "starts-with")
	if !okField || !okValue || !dollar || !prefix && !strings.EqualFold(kind, "eq") {
		return invalid("a condition is not understood")
	}
	p.conditions = append(p.conditions, condition{prefix: prefix, field: strings.ToLower(field), value: value})
	return nil
}

func (p *Policy) addRange(list []any) error {
	low, okLow := number(list[1])
	high, okHigh := number(list[2])
	if !okLow || !okHigh || low > high {
		return invalid("its content-length-range is not a range")
	}
	p.MinSize, p.MaxSize = max(p.MinSize, low), min(p.MaxSize, high)
	return nil
}

// number reads a size, which some clients write as a string.
func number(v any) (int64, bool) {
	if s, ok := v.(string); ok {
		var n int64
		_, err := fmt.Sscanf(s, "%d", &n)
		return n, err == nil && n >= 0
	}
	f, ok := v.(float64)
	return int64(f), ok && f >= 0 && f <= 1<<53
}

// exempt are the fields that no condition needs to cover. A checksum of the file
// is one: it can only make an upload fail.
func exempt(field string) bool {
	switch field {
	case "policy", "file", "x-amz-signature", "signature", "awsaccesskeyid":
		return true
	}
	return strings.HasPrefix(field, "x-ignore-") || strings.HasPrefix(field, "x-amz-checksum-")
}

// Check compares the policy with a form's fields, among which must be "bucket"
// and the key as it will be.
func (p *Policy) Check(fields map[string]string, now time.Time) error {
	if !now.Before(p.expires) {
		return denied("Policy expired.")
	}
	covered := make(map[string]bool, len(p.conditions))
	for _, c := range p.conditions {
		covered[c.field] = true
		if !c.holds(fields) {
			return denied("Policy Condition failed: " + c.String())
		}
	}
	for name := range fields {
		if !covered[name] && !exempt(name) && name != "bucket" {
			return denied("Extra input fields: " + name)
		}
	}
	return nil
}

func denied(why string) error {
	return s3err.Msg(s3err.AccessDenied, "Invalid according to Policy: "+why)
}

func (c condition) holds(fields map[string]string) bool {
	value := fields[c.field]
	if c.prefix {
		return strings.HasPrefix(value, c.value)
	}
	return value == c.value
}

// String returns the condition as it may stand in a policy.
func (c condition) String() string {
	kind := "eq"
	if c.prefix {
		kind = "starts-with"
	}
	return fmt.Sprintf("[%q, %q, %q]", kind, "$"+c.field, c.value)
}
