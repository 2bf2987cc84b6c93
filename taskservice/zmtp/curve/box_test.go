package curve

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/crypto/nacl/secretbox"
	"pgregory.net/rapid"
)

// What a stream writes is what secretbox writes, for every length.
func TestAStreamIsSecretboxWithoutItsDetours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := shared(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		nonce := rapid.Uint64().Draw(t, "nonce")
		flags := rapid.Byte().Draw(t, "flags")
		body := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "piece"), rapid.IntRange(0, 300).Draw(t, "times"))

		want := secretbox.Seal(nil, append([]byte{flags}, body...), shortNonce(serverNonce, nonce), (*[32]byte)(&key))
		s := newStream(serverNonce, &key)
		got := make([]byte, tagSize+1+len(body))
		s.seal(got, nonce, flags, body)
		if !bytes.Equal(got, want) {
			t.Fatalf("sealed %x, secretbox %x", got, want)
		}
		text, ok := s.open(got, nonce)
		if !ok || text[0] != flags || !bytes.Equal(text[1:], body) {
			t.Fatalf("opened %x, %v", text, ok)
		}
		torn := rapid.IntRange(0, len(want)-1).Draw(t, "torn")
		want[torn] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		before := bytes.Clone(want)
		if _, ok := s.open(want, nonce); ok || !bytes.Equal(want, before) {
			t.Fatalf("opened with byte %d changed, or changed it", torn)
		}
	})
}

func sessions(t testing.TB) (client, server *Session) {
	t.Helper()
	var key shared
	binary.BigEndian.PutUint64(key[:], 4711)
	return &Session{out: newStream(clientNonce, &key), in: newStream(serverNonce, &key)},
		&Session{out: newStream(serverNonce, &key), in: newStream(clientNonce, &key)}
}

func TestSealingAndOpeningAllocateNothing(t *testing.T) {
	client, server := sessions(t)
	body := make([]byte, 2000)
	frame := make([]byte, 0, SealedSize(len(body)))
	n := testing.AllocsPerRun(100, func() {
		frame = client.Seal(frame[:0], false, false, body)
		if _, _, _, err := server.Open(frame[9:]); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 || len(frame) != SealedSize(len(body)) {
		t.Errorf("%v allocations a message, %d bytes", n, len(frame))
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{20, 200, 1500, 16 << 10, 1 << 20} {
		b.Run(name(size), func(b *testing.B) {
			client, _ := sessions(b)
			body, frame := make([]byte, size), make([]byte, 0, SealedSize(size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				frame = client.Seal(frame[:0], false, false, body)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{200, 1500, 16 << 10, 1 << 20} {
		b.Run(name(size), func(b *testing.B) {
			client, server := sessions(b)
			frame := client.Seal(nil, false, false, make([]byte, size))
			sealed := frame[len(frame)-size-Overhead:]
			again := make([]byte, len(sealed))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(again, sealed) // opened in place
				server.greeted = 0
				if _, _, _, err := server.Open(again); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSecretbox is what BenchmarkSeal is compared with.
func BenchmarkSecretbox(b *testing.B) {
	for _, size := range []int{200, 1500, 16 << 10, 1 << 20} {
		b.Run(name(size), func(b *testing.B) {
			var key [32]byte
			body, frame := make([]byte, size), make([]byte, 0, size+secretbox.Overhead)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				frame = secretbox.Seal(frame[:0], body, shortNonce(clientNonce, n), &key)
			}
		})
	}
}

func name(size int) string {
	switch {
	case size >= 1<<20:
		return "1MB"
	case size >= 1<<10 && size != 1500:
		return "16kB"
	case size == 1500:
		return "1500B"
	case size == 20:
		return "20B"
	}
	return "200B"
}
