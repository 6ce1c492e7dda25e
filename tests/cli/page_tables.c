/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A kernel that is nothing but writes to page tables, each in a function of the name that Linux has
 * for it, for debug information to name. What is expected of it is in page_tables.bats.
 */

typedef unsigned int word;
typedef struct {
	volatile word low, high;
} entry;

const char linux_banner[] = "Linux version 6.1.0-test (page tables) #1\n";

entry table[512];

static inline void native_set_pte(entry *at, entry value)
{
	at->high = value.high;
	at->low = value.low;
}

static inline void native_pte_clear(entry *at)
{
	at->low = 0;
	at->high = 0;
}

static inline void set_64bit(entry *at, word low, word high)
{
	word old_low = at->low, old_high = at->high;

	__asm__ volatile("1: lock cmpxchg8b %0; jnz 1b"
	                 : "+m"(*at), "+a"(old_low), "+d"(old_high)
	                 : "b"(low), "c"(high)
	                 : "memory");
}

static inline void ptep_set_wrprotect(entry *at)
{
	__asm__ volatile("andb $0xfd, %0" : "+m"(at->low));
}

/* Out of line, as Linux's. */
static __attribute__((noinline)) int ptep_test_and_clear_young(entry *at)
{
	unsigned char old;

	__asm__ volatile("lock btrl $5, %1; setc %0" : "=q"(old), "+m"(at->low) : : "memory");
	return old;
}

/* In ESI and ECX:EBX, the old value to EDX:EAX: as the call below expects. */
__asm__(".globl atomic64_xchg_cx8\n"
        ".type atomic64_xchg_cx8, @function\n"
        "atomic64_xchg_cx8:\n"
        "1: lock cmpxchg8b (%esi)\n"
        "jne 1b\n"
        "ret\n"
        ".size atomic64_xchg_cx8, . - atomic64_xchg_cx8\n");

static inline word native_ptep_get_and_clear(entry *at)
{
	word low, high;

	__asm__ volatile("call atomic64_xchg_cx8"
	                 : "=a"(low), "=d"(high)
	                 : "S"(at), "b"(0), "c"(0)
	                 : "memory");
	return low;
}

/* The halves one behind the other, which become one call. */
void populate(entry *at, word high, word low);
void populate(entry *at, word high, word low)
{
	native_set_pte(at, (entry){low, high});
}

static void (*volatile populate_by)(entry *, word, word) = populate; /* never inlined */

/* Not a page table: the same instruction, under no name that anyone looks for. */
static __attribute__((noinline)) void other_store(entry *at, word value)
{
	at->low = value;
}

void _start(void);
void _start(void)
{
	for (word i = 0; i < 512; i++)
		native_set_pte(&table[i], (entry){i << 12 | 1, 0});
	populate_by(&table[2], 0, 0x2001);
	native_pte_clear(&table[3]);
	set_64bit(&table[4], 0x1001, 0);
	ptep_set_wrprotect(&table[5]);
	other_store(&table[6], ptep_test_and_clear_young(&table[7]));
	other_store(&table[8], native_ptep_get_and_clear(&table[9]));
	__asm__ volatile("cli");
	for (;;)
		;
}
