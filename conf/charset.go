package conf

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// declaration finds the encoding in the XML declaration, which the XML
// recommendation (4.3.3) lets stand at the very beginning only.
var declaration = regexp.MustCompile(`^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

var byteOrderMark = []byte("\xef\xbb\xbf")

// toUTF8 returns src in UTF-8 without a byte order mark. It is done before the
// decoder sees anything, so that every offset it reports is one into the
// returned bytes.
//
// encoding='utf8' (without the dash) is what the original's create_service
// writes when it merges, because it is Python's name of the codec.
func toUTF8(src []byte) ([]byte, error) {
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return nil, fmt.Errorf("the file is UTF-16; save it as UTF-8")
	}
	src = bytes.TrimPrefix(src, byteOrderMark)
	m := declaration.FindSubmatch(src)
	if m == nil {
		return src, nil
	}
	switch strings.ToLower(string(m[1])) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return src, nil
	case "latin1", "latin-1", "iso-8859-1", "iso8859-1", "iso_8859-1", "l1":
		out := make([]byte, 0, len(src)+len(src)/8)
		for _, b := range src {
			out = appendLatin1(out, b)
		}
		return out, nil
	}
	return nil, fmt.Errorf("encoding %q is not understood; save the file as UTF-8", m[1])
}

// appendLatin1 relies on ISO 8859-1 being the first 256 code points of Unicode.
func appendLatin1(out []byte, b byte) []byte {
	if b < 0x80 {
		return append(out, b)
	}
	return append(out, 0xc0|b>>6, 0x80|b&0x3f)
}

// sameReader is the CharsetReader for input that toUTF8 has converted already.
func sameReader(_ string, in io.Reader) (io.Reader, error) { return in, nil }
