// Package admin serves the admin API of a process over HTTP: how the cluster is,
// who may use it, and what an operator may do.
//
//	GET    /v1/status                how the cluster is (health.Status)
//	GET    /v1/nodes                 its zones, nodes and disks ([]health.Zone)
//	GET    /v1/doctor                every check and what it found ([]health.CheckResult)
//	GET    /v1/durability            modelled durability of each policy (Durability)
//	GET    /v1/usage                 CPU, memory, fsyncs and calls so far (Usage)
//	POST   /v1/nodes/{name}/kill     stop a node like kill -9 (dev only)
//	POST   /v1/nodes/{name}/start    start it again (dev only)
//	POST   /v1/zones/{zone}/kill     the same for all nodes of a zone (dev only)
//	POST   /v1/zones/{zone}/start
//	POST   /v1/token                 an invitation for new nodes (Token)
//	GET    /v1/iam/users             and POST, DELETE /v1/iam/users/{name}
//	GET    /v1/iam/keys?user=        and POST, DELETE /v1/iam/keys/{id}
//	GET    /metrics                  Prometheus
//	GET    /healthz                  200 while the process serves
//	GET    /readyz                   200 while a majority of the root and of every metadata group answers
//	GET    /debug/pprof/             profiles
//
// Answers are JSON; an error is an [ErrorBody] with the kind of the store.Error.
//
// # Who may call
//
// On a loopback address of a dev cell: anyone on the machine. Elsewhere a bearer
// token is needed, that of DIR/admin-token (mode 0600), for everything but
// /healthz and /readyz. Requests that a web page of another origin made, or that
// name a host which is not this one, are refused: a browser must not become a way
// in.
//
// # Contract
//
// The package decides nothing: handlers return what node/health computes and pass
// commands on. It owns one listener; [Server.Close] ends it and waits for running
// requests. DIR/admin.json tells commands where the server is, while it runs.
package admin
