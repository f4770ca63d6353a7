// Prints a token: go run token.go SUB ROLE [SECONDS]. Key and issuer are in the environment.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

func part(value any) string {
	text, _ := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(text)
}

func main() {
	seconds := 300
	if len(os.Args) > 3 {
		seconds, _ = strconv.Atoi(os.Args[3])
	}
	now := int(time.Now().Unix())
	claims := map[string]any{"iss": os.Getenv("NOVA_ISSUER"), "aud": "nova", "sub": os.Args[1], "role": os.Args[2], "iat": now, "exp": now + seconds}

	signed := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(claims)
	key, err := base64.StdEncoding.DecodeString(os.Getenv("NOVA_SIGNING_KEY")) // The key is the bytes, not their base64 text.
	if err != nil {
		panic(err)
	}
	signature := hmac.New(sha256.New, key)
	signature.Write([]byte(signed))
	fmt.Println(signed + "." + base64.RawURLEncoding.EncodeToString(signature.Sum(nil)))
}
