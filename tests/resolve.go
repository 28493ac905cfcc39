// Print the first address of a name, as Go finds it: resolve NAME
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	found, err := net.LookupHost(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(found[0])
}
