package node

import (
	"crypto/rand"
	"time"

	"cairn/node/config"
	"cairn/node/pki"
)

// Found makes the identity of the first node of a new cluster in cfg.Dir: the
// cluster's id, key and CA, and node number 1. Nothing else is written until
// the node is opened.
func Found(cfg *config.Config) error {
	id := &Identity{Cluster: make([]byte, 16), Node: 1, Name: cfg.Name, Zone: cfg.Zone, Founder: true}
	if _, err := rand.Read(id.Cluster); err != nil {
		return err
	}
	var err error
	if id.Incarnation, err = newIncarnation(); err != nil {
		return err
	}
	key, err := pki.NewClusterKey()
	if err != nil {
		return err
	}
	id.ClusterKey = key[:]
	ca, err := pki.NewCA(time.Now())
	if err != nil {
		return err
	}
	id.CACert, id.CAKey = string(ca.CertPEM), string(ca.KeyPEM)
	nodeKey, keyPEM, err := pki.NewKey()
	if err != nil {
		return err
	}
	public, err := pki.PublicKey(nodeKey)
	if err != nil {
		return err
	}
	cert, err := ca.SignNode(id.Node, public, time.Now())
	if err != nil {
		return err
	}
	id.Cert, id.Key = string(cert), string(keyPEM)
	return id.Save(cfg.Dir)
}
