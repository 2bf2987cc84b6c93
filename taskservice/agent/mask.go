package agent

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// masked stands for a secret.
const masked = "***"

// secretWords are what the names of secrets hold. A monkey is masked, too: better
// that than a key that is not.
const secretWords = `pass(?:word|wd|phrase|code)?|pwd|secret|token|key|credential|auth|bearer|cookie|pin\b|salt|signature|private|dsn`

var (
	secretName = regexp.MustCompile(`(?i)(?:` + secretWords + `)`)
	// secretPair is a secret inside a text: password=x, --token x, "api_key": "x".
	secretPair = regexp.MustCompile(`(?i)([\w.-]*(?:` + secretWords + `)[\w.-]*["']?\s*[=:]\s*|--[\w-]*(?:` + secretWords + `)[\w-]*\s+)("[^"]*"|'[^']*'|[^\s&;,"']+)`)
	// userInfo is what stands before the host of a URL (RFC 3986, 3.2.1).
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#]*@`)
)

// Mask copies a configuration without its secrets, which become "***": the values of
// keys that sound like one (password, secret, token, key, credential, …) whatever they
// hold, what a text says of such keys, and user and password in URLs. It looks into
// maps and lists; what is neither these nor a value of JSON is copied as text.
func Mask(config map[string]any) map[string]any {
	out := make(map[string]any, len(config))
	for key, value := range config {
		if secretName.MatchString(key) && !empty(value) {
			out[key] = masked
			continue
		}
		out[key] = maskValue(value)
	}
	return out
}

// empty says whether there is nothing to hide: that no password is set is worth
// knowing.
func empty(value any) bool { return value == nil || value == "" }

func maskValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return Mask(v)
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = maskValue(one)
		}
		return out
	case string:
		return MaskText(v)
	case nil, bool, json.Number, int, int64:
		return v
	default:
		return MaskText(fmt.Sprint(v))
	}
}

// MaskText is a text without the secrets that it names, as of a line of a log.
func MaskText(text string) string {
	text = userInfo.ReplaceAllString(text, "${1}"+masked+"@")
	return secretPair.ReplaceAllString(text, "${1}"+masked)
}
