#!/bin/sh
# aperture 0.5.0 pays the refund of a closed MPP session by lnd's SendPaymentSync. lnd 0.21 has removed that method. So
# in front of a current lnd a session can be opened, drawn on and closed, the answer to `close` is 200 and names the
# refund as pending, and then nothing comes back: only aperture's log has the error. A client that believes the answer
# counts money that is gone.
#
# aperture's own sender is asked here to pay an invoice by a gRPC server with the methods of two versions of lnd. The
# methods do nothing, so the first one says so, and the second one is not known at all.
#
# Seen with Go 1.26, aperture 0.5.0, lnd 0.20.0-beta and 0.21.2-beta:
#
#   lnd v0.20.0-beta: failed to send payment: method SendPaymentSync not implemented
#   lnd v0.21.2-beta: failed to send payment: unknown method SendPaymentSync for service lnrpc.Lightning
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0
unset GOOS GOARCH

# lnd and aperture are built with a fork that can write bytes in hex.
fork='replace google.golang.org/protobuf => github.com/lightninglabs/protobuf-go-hex-display v1.34.2-hex-display'

# A server with the methods of a version, which says its address.
for version in v0.20.0-beta v0.21.2-beta; do
  mkdir "$folder/$version"
  cd "$folder/$version"
  cat > main.go <<'END_OF_GO'
package main

import (
	"fmt"
	"net"

	"github.com/lightningnetwork/lnd/lnrpc"
	"google.golang.org/grpc"
)

type methods struct{ lnrpc.UnimplementedLightningServer }

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	lnrpc.RegisterLightningServer(server, methods{})
	fmt.Println(listener.Addr())
	panic(server.Serve(listener))
}
END_OF_GO
  printf 'module seen\n\ngo 1.25\n\nrequire github.com/lightningnetwork/lnd %s\n%s\n' "$version" "$fork" > go.mod
  go mod tidy > tidy.log 2>&1 || { cat tidy.log >&2; exit 1; }
  go build -o server .
done

# aperture's sender.
mkdir "$folder/sender"
cd "$folder/sender"
cat > main.go <<'END_OF_GO'
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/lightninglabs/aperture/challenger"
	"github.com/lightningnetwork/lnd/lnrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	sender := challenger.NewLndPaymentSender(lnrpc.NewLightningClient(connection))
	_, err = sender.SendPayment(context.Background(), os.Args[2], 7)
	fmt.Println(strings.Replace(err.Error(), "rpc error: code = Unimplemented desc = ", "", 1))
}
END_OF_GO
printf 'module seen\n\ngo 1.25\n\nrequire github.com/lightninglabs/aperture v0.5.0\n%s\n' "$fork" > go.mod
go mod tidy > tidy.log 2>&1 || { cat tidy.log >&2; exit 1; }
go build -o sender .

# An invoice without an amount, from the examples of BOLT 11.
invoice=lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql
for version in v0.20.0-beta v0.21.2-beta; do
  mkfifo "$folder/$version/address"
  "$folder/$version/server" > "$folder/$version/address" &
  pid=$!
  read -r address < "$folder/$version/address"
  echo "lnd $version: $(./sender "$address" "$invoice")"
  kill "$pid"
done > seen
cat seen
expected='lnd v0.20.0-beta: failed to send payment: method SendPaymentSync not implemented
lnd v0.21.2-beta: failed to send payment: unknown method SendPaymentSync for service lnrpc.Lightning'
[ "$(cat seen)" = "$expected" ]
