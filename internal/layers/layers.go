// Package layers holds the test that keeps the architecture: which package may
// import which, and that every package says in its first comment what it
// promises. It has no code of its own.
package layers
