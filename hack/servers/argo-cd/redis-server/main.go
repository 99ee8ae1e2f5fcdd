// Command redis-server keeps what Argo CD caches, in memory, for whoever knows the password in REDIS_PASSWORD.
//
// It listens on a free port of the loopback address, and says on which.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	log.SetFlags(0)
	password := os.Getenv("REDIS_PASSWORD")
	if password == "" {
		log.Fatal("REDIS_PASSWORD is empty")
	}
	server := miniredis.NewMiniRedis()
	server.RequireAuth(password)
	if err := server.StartAddr("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", server.Addr())
	// Its clock stands still unless somebody moves it, and what is cached would never expire.
	for range time.Tick(time.Second) {
		server.FastForward(time.Second)
	}
}
