// Package durability computes how likely a blob is lost in a year, exactly for
// its model, so that the figures are comparable between codes.
//
// # Model
//
// A continuous-time Markov chain over one placement group. Each zone is in the
// state (lost, latent) of its shards, or destroyed. Events:
//
//   - a disk dies: its shard is lost, at the annual failure rate; rebuilt after
//     the disk repair time;
//   - bit rot: a shard becomes latent, unreadable without anyone knowing; a scrub
//     finds and repairs it after half the scrub interval on average, or the disk
//     dies first;
//   - a zone is destroyed: all its shards are lost at once and come back together
//     after the zone repair time, since a placement group is rebuilt in one pass.
//
// Data is lost in the moment when more than m shards are lost or latent. All
// times are exponential; repairs of different shards run side by side.
//
// # Solution
//
// The rate of loss is the flow into the lost state of the chain that starts
// afresh after each loss. It is found by state elimination (Grassmann, Taksar,
// Heyman 1985), which only adds, multiplies and divides positive numbers, so
// that rates of 1e-15 a year come out with full precision where subtracting
// balance equations would leave noise. Zones with equally many shards are
// interchangeable, which keeps the chain to some hundred states.
//
// # What is not modelled
//
// Software faults, deletions by mistake, firmware bugs that take many disks of a
// batch at once, nodes that come back (unavailability, not loss), loss of
// metadata, and the fact that with many groups the first loss comes sooner: the
// figure is that of any one blob.
package durability
