package curve

import (
	"encoding/binary"
	"fmt"
)

// z85 is the alphabet of RFC 32.
const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// TextSize is the length of a key as text: 5 characters for each 4 bytes.
const TextSize = 40

var z85Digits = func() (digits [256]byte) {
	for i := range digits {
		digits[i] = 0xff
	}
	for i, c := range []byte(z85) {
		digits[c] = byte(i)
	}
	return digits
}()

func appendZ85(dst []byte, key *[32]byte) []byte {
	for i := 0; i < len(key); i += 4 {
		v := binary.BigEndian.Uint32(key[i:])
		for divisor := uint32(85 * 85 * 85 * 85); divisor > 0; divisor /= 85 {
			dst = append(dst, z85[v/divisor%85])
		}
	}
	return dst
}

// parseZ85 never repeats the text in an error: it may be a secret.
func parseZ85(text string) (key [32]byte, err error) {
	if len(text) != TextSize {
		return key, fmt.Errorf("parse key: %d characters, a key in Z85 has %d", len(text), TextSize)
	}
	for i := range len(key) / 4 {
		v := uint64(0)
		for j := range 5 {
			digit := z85Digits[text[5*i+j]]
			if digit == 0xff {
				return key, fmt.Errorf("parse key: character %d is none of Z85", 5*i+j+1)
			}
			v = v*85 + uint64(digit)
		}
		if v > 0xffffffff {
			return key, fmt.Errorf("parse key: characters %d to %d are no number of 32 bits", 5*i+1, 5*i+5)
		}
		binary.BigEndian.PutUint32(key[4*i:], uint32(v))
	}
	return key, nil
}
