#include "textflag.h"

// Two MD5 states in general registers, A to D and E to H. The steps of both
// alternate: each chain of dependent operations leaves room for the other's.

#define A AX
#define B BX
#define C CX
#define D DX
#define E R8
#define F R9
#define G R10
#define H R11
#define FIRST SI
#define SECOND DI
#define SINES R14

// ADDWORD adds step i's constant and word g of the block at p to a.
#define ADDWORD(p, a, i, g) \
	ADDL (i*4)(SINES), a    \
	ADDL (g*4)(p), a

// FINISH adds the round's function, in t, to a, rotates it and adds b.
#define FINISH(a, b, t, s) \
	ADDL t, a               \
	ROLL $s, a              \
	ADDL b, a

#define ROUND1(p, t, a, b, c, d, i, g, s) \
	ADDWORD(p, a, i, g)     \
	MOVL c, t               \
	XORL d, t               \
	ANDL b, t               \
	XORL d, t               \
	FINISH(a, b, t, s)

// The two halves of round 2's function have no bit in common: they are added
// one by one, the one without b first.
#define ROUND2(p, t, a, b, c, d, i, g, s) \
	ADDWORD(p, a, i, g)     \
	MOVL d, t               \
	NOTL t                  \
	ANDL c, t               \
	ADDL t, a               \
	MOVL d, t               \
	ANDL b, t               \
	FINISH(a, b, t, s)

#define ROUND3(p, t, a, b, c, d, i, g, s) \
	ADDWORD(p, a, i, g)     \
	MOVL c, t               \
	XORL d, t               \
	XORL b, t               \
	FINISH(a, b, t, s)

#define ROUND4(p, t, a, b, c, d, i, g, s) \
	ADDWORD(p, a, i, g)     \
	MOVL d, t               \
	NOTL t                  \
	ORL b, t                \
	XORL c, t               \
	FINISH(a, b, t, s)

// FOUR steps of both bring the registers back to their places.
#define FOUR(STEP, i, g0, g1, g2, g3, s0, s1, s2, s3) \
	STEP(FIRST, R12, A, B, C, D, i, g0, s0)      \
	STEP(SECOND, R13, E, F, G, H, i, g0, s0)     \
	STEP(FIRST, R12, D, A, B, C, (i+1), g1, s1)  \
	STEP(SECOND, R13, H, E, F, G, (i+1), g1, s1) \
	STEP(FIRST, R12, C, D, A, B, (i+2), g2, s2)  \
	STEP(SECOND, R13, G, H, E, F, (i+2), g2, s2) \
	STEP(FIRST, R12, B, C, D, A, (i+3), g3, s3)  \
	STEP(SECOND, R13, F, G, H, E, (i+3), g3, s3)

// EACH applies an operation to every word of a state and its register.
#define EACH(OP) \
	OP(0, A)  \
	OP(4, E)  \
	OP(32, B) \
	OP(36, F) \
	OP(64, C) \
	OP(68, G) \
	OP(96, D) \
	OP(100, H)

#define LOAD(off, r) MOVL off(R15), r
#define ADD(off, r) \
	ADDL off(R15), r \
	MOVL r, off(R15)

// func pair(state *State, data *[Lanes]*byte, n int)
TEXT ·pair(SB), NOSPLIT, $0-24
	MOVQ state+0(FP), R15
	MOVQ data+8(FP), R12
	MOVQ (R12), FIRST
	MOVQ 8(R12), SECOND
	LEAQ ·sines(SB), SINES
	EACH(LOAD)
loop:
	FOUR(ROUND1, 0, 0, 1, 2, 3, 7, 12, 17, 22)
	FOUR(ROUND1, 4, 4, 5, 6, 7, 7, 12, 17, 22)
	FOUR(ROUND1, 8, 8, 9, 10, 11, 7, 12, 17, 22)
	FOUR(ROUND1, 12, 12, 13, 14, 15, 7, 12, 17, 22)
	FOUR(ROUND2, 16, 1, 6, 11, 0, 5, 9, 14, 20)
	FOUR(ROUND2, 20, 5, 10, 15, 4, 5, 9, 14, 20)
	FOUR(ROUND2, 24, 9, 14, 3, 8, 5, 9, 14, 20)
	FOUR(ROUND2, 28, 13, 2, 7, 12, 5, 9, 14, 20)
	FOUR(ROUND3, 32, 5, 8, 11, 14, 4, 11, 16, 23)
	FOUR(ROUND3, 36, 1, 4, 7, 10, 4, 11, 16, 23)
	FOUR(ROUND3, 40, 13, 0, 3, 6, 4, 11, 16, 23)
	FOUR(ROUND3, 44, 9, 12, 15, 2, 4, 11, 16, 23)
	FOUR(ROUND4, 48, 0, 7, 14, 5, 6, 10, 15, 21)
	FOUR(ROUND4, 52, 12, 3, 10, 1, 6, 10, 15, 21)
	FOUR(ROUND4, 56, 8, 15, 6, 13, 6, 10, 15, 21)
	FOUR(ROUND4, 60, 4, 11, 2, 9, 6, 10, 15, 21)
	EACH(ADD)
	ADDQ $64, FIRST
	ADDQ $64, SECOND
	DECQ n+16(FP)
	JNZ  loop
	RET
