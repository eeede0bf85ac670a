package admin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"cairn/placement/durability"
	"cairn/store"
)

// Durability is the modelled durability of the cluster's policies.
type Durability struct {
	Rates    Rates              `json:"rates"`
	Policies []PolicyDurability `json:"policies"`
	Text     string             `json:"text"` // as a table, with what is not modelled
}

// Rates are what the model was given.
type Rates struct {
	AFR           float64 `json:"afr"`
	BitRot        float64 `json:"bit_rot"`
	Scrub         float64 `json:"scrub_s"`
	DiskRepair    float64 `json:"disk_repair_s"`
	ZoneDestroyed float64 `json:"zone_destroyed"`
	ZoneRepair    float64 `json:"zone_repair_s"`
}

func ratesOf(in durability.Input) Rates {
	return Rates{
		AFR: in.AFR, BitRot: in.BitRot, Scrub: in.Scrub.Seconds(), DiskRepair: in.DiskRepair.Seconds(),
		ZoneDestroyed: in.ZoneDestroyed, ZoneRepair: in.ZoneRepair.Seconds(),
	}
}

// PolicyDurability is one policy's.
type PolicyDurability struct {
	ID    uint16  `json:"id"`
	Code  string  `json:"code"`
	Label string  `json:"label"`
	Nines float64 `json:"nines"`
	Error string  `json:"error,omitempty"` // why there is no figure
}

// durability models the policies of the cluster as they are placed. The rates
// are the published ones, but those given in the query.
func (s *Server) durability(r *http.Request) (any, error) {
	n, err := s.first()
	if err != nil {
		return nil, err
	}
	in, err := modelInput(r)
	if err != nil {
		return nil, err
	}
	topo, err := n.Root().View().Topology()
	if err != nil {
		return nil, err
	}
	policies := n.Root().View().Policies()
	out := Durability{Rates: ratesOf(in), Policies: []PolicyDurability{}}
	for _, p := range policies {
		d := PolicyDurability{ID: uint16(p.ID), Code: p.Code(), Label: p.Label}
		if d.Nines, err = in.ForPolicy(topo, p); err != nil {
			d.Error = err.Error()
		}
		out.Policies = append(out.Policies, d)
	}
	var text strings.Builder
	err = in.Print(&text, topo, policies)
	out.Text = text.String()
	return out, err
}

// modelInput reads the rates that the caller knows better.
func modelInput(r *http.Request) (durability.Input, error) {
	in := durability.Defaults()
	q := r.URL.Query()
	rates := map[string]*float64{"afr": &in.AFR, "bit_rot": &in.BitRot, "zone_destroyed": &in.ZoneDestroyed}
	times := map[string]*time.Duration{"scrub": &in.Scrub, "disk_repair": &in.DiskRepair, "zone_repair": &in.ZoneRepair}
	for name := range q {
		var err error
		switch {
		case rates[name] != nil:
			*rates[name], err = strconv.ParseFloat(q.Get(name), 64)
		case times[name] != nil:
			*times[name], err = time.ParseDuration(q.Get(name))
		default:
			err = store.Errorf(store.KindInvalid, "model durability", "there is no rate %q", name)
		}
		if err != nil {
			return in, &store.Error{Op: "model durability", Kind: store.KindInvalid, Resource: name, Err: err}
		}
	}
	return in, nil
}
