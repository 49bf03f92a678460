#!/bin/sh
# aperture 0.5.0 sells by sessions of MPP only beside charges, and it makes the receipt of an answer by the first of its
# parts that takes the credential for its own. Charges come first, and take any credential of the scheme. So the answer
# to a session's `close` has the receipt of a charge: its `reference` is empty, and `refundSats` and `refundStatus` are
# missing, which aperture tells nowhere else. A client can't learn from the answer how much comes back, nor whether.
#
# The receipts are asked here of both parts, and of the two together as aperture joins them, for one credential.
#
# Seen with Go 1.26, aperture 0.5.0:
#
#   charges:  reference is empty
#   sessions: reference is the session
#   both:     reference is empty
set -eu
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
export GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0
unset GOOS GOARCH
cd "$folder"
cat > main.go <<'END_OF_GO'
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/lightninglabs/aperture/auth"
)

func encode(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func main() {
	session := strings.Repeat("ab", 32)
	credential := encode(map[string]any{
		"challenge": map[string]string{
			"id": "1", "realm": "here", "method": "lightning", "intent": "session",
			"request": encode(map[string]string{"amount": "2", "currency": "sat", "paymentHash": session}),
		},
		"payload": map[string]string{"action": "close", "sessionId": session, "preimage": strings.Repeat("cd", 32)},
	})
	header := http.Header{"Authorization": {"Payment " + credential}}

	charges := auth.NewMPPAuthenticator(nil, nil, "here", []byte("secret"), "regtest", nil)
	sessions := auth.NewMPPSessionAuthenticator(&auth.MPPSessionConfig{Realm: "here", Network: "regtest"})
	for _, part := range []struct {
		name  string
		gives auth.ReceiptProvider
	}{
		{"charges: ", charges},
		{"sessions:", sessions},
		{"both:    ", auth.NewMultiAuthenticator(charges, sessions)},
	} {
		text, err := base64.RawURLEncoding.DecodeString(part.gives.ReceiptHeader(&header, "service").Get("Payment-Receipt"))
		if err != nil {
			panic(err)
		}
		var receipt struct{ Reference string }
		if err := json.Unmarshal(text, &receipt); err != nil {
			panic(err)
		}
		what := map[string]string{"": "empty", session: "the session"}[receipt.Reference]
		fmt.Println(part.name, "reference is", what)
	}
}
END_OF_GO
printf 'module seen\n\ngo 1.25\n\nrequire github.com/lightninglabs/aperture v0.5.0\n\nreplace google.golang.org/protobuf => github.com/lightninglabs/protobuf-go-hex-display v1.34.2-hex-display\n' > go.mod
go mod tidy > tidy.log 2>&1 || { cat tidy.log >&2; exit 1; }
go build -o seen .
./seen > out
cat out
[ "$(cat out)" = "$(printf 'charges:  reference is empty\nsessions: reference is the session\nboth:     reference is empty')" ]
