// Command git-server serves the Git repositories in a folder over HTTPS, to whoever signs in.
//
// It listens on a free port of the loopback address, and says on which.
package main

import (
	"crypto/subtle"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	repositories := flag.String("repositories", "", "folder of bare repositories")
	certificate := flag.String("certificate", "", "file with the certificate")
	key := flag.String("key", "", "file with its private key")
	user := flag.String("user", "", "who may sign in, with the password in GIT_PASSWORD")
	flag.Parse()
	if err := serve(*repositories, *certificate, *key, *user); err != nil {
		log.Fatal(err)
	}
}

func serve(repositories, certificate, key, user string) error {
	programs, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return fmt.Errorf("git --exec-path: %w", err)
	}
	git := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(programs)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + repositories, "GIT_HTTP_EXPORT_ALL=1"},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	return http.ServeTLS(listener, signedIn(user, os.Getenv("GIT_PASSWORD"), git), certificate, key)
}

// signedIn passes on the requests of one user, and refuses all others.
func signedIn(user, password string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		name, word, _ := request.BasicAuth()
		if name != user || subtle.ConstantTimeCompare([]byte(word), []byte(password)) != 1 {
			response.Header().Set("WWW-Authenticate", `Basic realm="repositories"`)
			http.Error(response, "sign in", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(response, request)
	})
}
