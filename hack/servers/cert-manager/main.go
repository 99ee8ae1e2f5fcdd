// Command cert-manager runs cert-manager's controllers, its injector or its webhook from upstream's library.
//
// Upstream's own commands are modules of their own that no module proxy has. What they do is all in the library; this
// program puts it together with the same flags, as far as our manifests use them. An unknown flag is an error.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

// process is one of upstream's processes: it declares its flags, and gives what runs until the context ends.
type process func(flags *pflag.FlagSet, common *common) func(ctx context.Context) error

// common is what all processes can be told.
type common struct {
	kubeconfig              string
	leaderElectionNamespace string
}

func (c *common) config() (*rest.Config, error) {
	return clientcmd.BuildConfigFromFlags("", c.kubeconfig)
}

var processes = map[string]process{
	"controller": controller,
	"cainjector": injector,
	"webhook":    webhook,
}

func main() {
	if len(os.Args) < 2 || processes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: cert-manager controller|cainjector|webhook FLAGS")
		os.Exit(2)
	}
	if err := run(processes[os.Args[1]], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(process process, arguments []string) error {
	flags := pflag.NewFlagSet("cert-manager", pflag.ContinueOnError)
	var common common
	flags.StringVar(&common.kubeconfig, "kubeconfig", "", "")
	flags.IntP("v", "v", 0, "")
	start := process(flags, &common)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return start(logf.NewContext(ctx, logf.Log))
}
