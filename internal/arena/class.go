package arena

import "math/bits"

const (
	minShift = 12 // 4 KiB
	maxShift = 24 // 16 MiB

	// MaxBuffer is the largest pooled buffer, in bytes: a blob of 8 MiB encoded
	// at an overhead of two.
	MaxBuffer = 1 << maxShift

	// blobSize is a class out of line, for what is most often in flight by far:
	// a blob of 8 MiB with room for the padding of up to 32 shards, and its
	// parity in a code of overhead two. In the class of 12 MiB a third of the
	// memory of every upload would be unused.
	blobSize  = 1<<blobShift + 128<<10
	blobShift = 23
	blobClass = 2 * (blobShift - minShift)

	numClasses = 3 + 2*(maxShift-minShift-1)

	// smallSpan is cut into slots of any class below 4 MiB without a rest:
	// classes are 2^i and 3·2^i.
	smallSpan = 6 << 20
)

// classOf returns the smallest class that holds n bytes, 0 < n ≤ MaxBuffer.
// Class 0 is 4 KiB, class 1 is 8 KiB, then 12, 16, 24, 32 KiB and so on.
func classOf(n int) int {
	switch {
	case n <= 1<<blobShift:
		return regularClass(n)
	case n <= blobSize:
		return blobClass
	default:
		return regularClass(n) + 1
	}
}

// regularClass is classOf without the class of blobs.
func regularClass(n int) int {
	if n <= 1<<minShift {
		return 0
	}
	shift := bits.Len(uint(n - 1)) // 2^(shift-1) < n ≤ 2^shift
	c := 2*(shift-minShift) - 1
	if c > 1 && n <= 3<<(shift-2) {
		c--
	}
	return c
}

// classSize is the inverse of classOf: the number of bytes of a slot.
func classSize(class int) int {
	switch {
	case class == blobClass:
		return blobSize
	case class > blobClass:
		class-- // the regular class
	}
	switch {
	case class == 0:
		return 1 << minShift
	case class%2 == 1:
		return 1 << (minShift + (class+1)/2)
	default:
		return 3 << (minShift + class/2 - 1)
	}
}

// spanSize returns the number of bytes mapped at a time for a class.
func spanSize(class int) int {
	if size := classSize(class); size > smallSpan/2 {
		return size
	}
	return smallSpan
}
