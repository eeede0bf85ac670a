package admin

import (
	"net/http"
	"time"

	"cairn/node"
	"cairn/node/health"
	"cairn/store"
)

// first returns the node to ask.
func (s *Server) first() (*node.Node, error) {
	if nodes := s.cfg.Nodes(); len(nodes) > 0 {
		return nodes[0], nil
	}
	return nil, &store.Error{
		Op: "ask node", Kind: store.KindUnavailable,
		Hint: "no node of this process is ready: it waits for a majority of the root group, or was killed",
	}
}

func (s *Server) facts(r *http.Request) (*health.Facts, error) {
	n, err := s.first()
	if err != nil {
		return nil, err
	}
	return health.Collect(r.Context(), n.Fabric(), n.Root()), nil
}

func (s *Server) status(r *http.Request) (any, error) {
	f, err := s.facts(r)
	if err != nil {
		return nil, err
	}
	return health.Compute(f), nil
}

func (s *Server) nodes(r *http.Request) (any, error) {
	f, err := s.facts(r)
	if err != nil {
		return nil, err
	}
	return health.Compute(f).Zones, nil
}

func (s *Server) doctor(r *http.Request) (any, error) {
	f, err := s.facts(r)
	if err != nil {
		return nil, err
	}
	return health.Doctor(f), nil
}

// ready is for load balancers and for those who wait: it fails while a group has
// no majority.
func (s *Server) ready(r *http.Request) (any, error) {
	f, err := s.facts(r)
	if err != nil {
		return nil, err
	}
	st := health.Compute(f)
	if st.Verdict == health.Forming {
		return nil, store.Errorf(store.KindUnavailable, "check readiness", "%s", st.Summary)
	}
	for _, g := range st.Metadata.Groups {
		if !g.Quorum || g.Leader == "" {
			return nil, store.Errorf(store.KindUnavailable, "check readiness", "%s has no leader", g.Name)
		}
	}
	return OK{true}, nil
}

// nodeAction kills or starts a node.
func (s *Server) nodeAction(r *http.Request) (any, error) {
	name := r.PathValue("name")
	return s.act(r.PathValue("action"), []string{name})
}

// zoneAction does so with all nodes of a zone, as near to at once as can be.
func (s *Server) zoneAction(r *http.Request) (any, error) {
	if s.cfg.Cell == nil {
		return nil, devOnly()
	}
	names, err := s.cfg.Cell.Zone(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return s.act(r.PathValue("action"), names)
}

func devOnly() error {
	return &store.Error{
		Op: "stop or start a node", Kind: store.KindInvalid,
		Hint: "only the nodes of `cairn dev` are started and stopped here; use systemctl on the machine",
	}
}

// Acted is the answer of kill and start.
type Acted struct {
	Action string   `json:"action"`
	Nodes  []string `json:"nodes"`
}

func (s *Server) act(action string, names []string) (any, error) {
	if s.cfg.Cell == nil {
		return nil, devOnly()
	}
	var f func(string) error
	switch action {
	case "kill":
		f = s.cfg.Cell.Kill
	case "start":
		f = s.cfg.Cell.Start
	default:
		return nil, &store.Error{Op: "act on nodes", Kind: store.KindNotFound, Resource: action, Hint: "kill or start"}
	}
	return Acted{action, names}, atOnce(names, f)
}

// Token is an invitation.
type Token struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// inviteBody is the request of /v1/token.
type inviteBody struct {
	Seconds int64 `json:"valid_s"`
}

// maxInvite bounds how long an invitation lives.
const maxInvite = 30 * 24 * time.Hour

func (s *Server) invite(r *http.Request) (any, error) {
	body := inviteBody{Seconds: int64((24 * time.Hour).Seconds())}
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	life := time.Duration(body.Seconds) * time.Second
	if body.Seconds < 1 || body.Seconds > int64(maxInvite.Seconds()) {
		return nil, &store.Error{Op: "invite", Kind: store.KindInvalid, Hint: "an invitation is valid for 1 second to 30 days"}
	}
	if s.cfg.Cell != nil {
		return nil, &store.Error{Op: "invite", Kind: store.KindInvalid, Hint: "the nodes of `cairn dev` are one process; others cannot join them"}
	}
	n, err := s.first()
	if err != nil {
		return nil, err
	}
	token, err := n.Token(life)
	return Token{Token: token, Expires: time.Now().Add(life).UTC()}, err
}
