// Serve HTTP for the example images. On SIGTERM, finish all open connections,
// then exit with 0.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	server := &http.Server{Addr: ":8080"}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello from", r.Host)
	})

	stop, cancel := signal.NotifyContext(context.Background(),
		syscall.SIGTERM, os.Interrupt)
	defer cancel()
	failed := make(chan error, 1)
	fmt.Println("http daemon start")
	fmt.Println("  -> listen on port:8080")
	go func() { failed <- server.ListenAndServe() }()

	select {
	case err := <-failed:
		log.Fatal(err)
	case <-stop.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		log.Fatal(err)
	}
	fmt.Println("http daemon end")
}
