// One end of a TLCP connection by gotlcp: a server that echoes, or a client that sends its standard input and prints what comes back.
// It sets what the command line says and nothing else, so everything it does not set is gotlcp's default.
//
//	gotlcp-peer server|client -addr HOST:PORT -suite NAME -root FILE [-sign-cert F -sign-key F -enc-cert F -enc-key F] [-mutual] [-resume]
//
// With -resume a client handshakes once, closes, and connects again for the data; it fails when the second handshake does not resume.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"gitee.com/Trisia/gotlcp/tlcp"
	"github.com/emmansun/gmsm/smx509"
)

func main() {
	if len(os.Args) < 2 {
		fail("say server or client")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:0", "where to listen, or to connect to")
	suite := flags.String("suite", "", "the suite's name; empty: the defaults")
	root := flags.String("root", "", "PEM file of the authority to trust")
	signCert := flags.String("sign-cert", "", "")
	signKey := flags.String("sign-key", "", "")
	encCert := flags.String("enc-cert", "", "")
	encKey := flags.String("enc-key", "", "")
	mutual := flags.Bool("mutual", false, "a server requires a client certificate")
	resume := flags.Bool("resume", false, "remember sessions")
	_ = flags.Parse(os.Args[2:])

	config := &tlcp.Config{ServerName: "localhost", RootCAs: pool(*root), ClientCAs: pool(*root)}
	if *suite != "" {
		config.CipherSuites = []uint16{suiteOf(*suite)}
	}
	if *signCert != "" {
		config.Certificates = []tlcp.Certificate{pair(*signCert, *signKey), pair(*encCert, *encKey)}
	}
	if *mutual {
		config.ClientAuth = tlcp.RequireAndVerifyClientCert
	}
	if *resume {
		config.SessionCache = tlcp.NewLRUSessionCache(8)
	}
	if os.Args[1] == "server" {
		serve(*addr, config)
	} else {
		connect(*addr, config, *resume)
	}
}

func serve(addr string, config *tlcp.Config) {
	listener, err := tlcp.Listen("tcp", addr, config)
	check(err)
	for {
		conn, err := listener.Accept()
		check(err)
		go func() {
			defer conn.Close()
			if n, err := io.Copy(conn, conn); err != nil {
				fmt.Fprintln(os.Stderr, "after", n, "bytes:", err)
			}
		}()
	}
}

func connect(addr string, config *tlcp.Config, resume bool) {
	if resume {
		first, err := tlcp.Dial("tcp", addr, config)
		check(err)
		check(first.Handshake())
		check(first.Close())
	}
	conn, err := tlcp.Dial("tcp", addr, config)
	check(err)
	check(conn.Handshake())
	if resume && !conn.ConnectionState().DidResume {
		fail("the second connection did not resume")
	}
	go func() {
		if _, err := io.Copy(conn, os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, "sending:", err)
		}
	}()
	_, err = io.Copy(os.Stdout, conn)
	check(err)
	check(conn.Close())
}

func pool(file string) *smx509.CertPool {
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	check(err)
	pool := smx509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		fail("no certificate in " + file)
	}
	return pool
}

func pair(certFile, keyFile string) tlcp.Certificate {
	pair, err := tlcp.LoadX509KeyPair(certFile, keyFile)
	check(err)
	return pair
}

func suiteOf(name string) uint16 {
	for _, suite := range tlcp.CipherSuites() {
		if suite.Name == name {
			return suite.ID
		}
	}
	fail("gotlcp has no suite " + name)
	return 0
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
