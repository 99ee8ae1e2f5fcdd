package main

import (
	"context"

	"github.com/spf13/pflag"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util"
)

func injector(flags *pflag.FlagSet, common *common) func(ctx context.Context) error {
	flags.StringVar(&common.leaderElectionNamespace, "leader-election-namespace", "kube-system", "")
	return func(ctx context.Context) error {
		config, err := common.config()
		if err != nil {
			return err
		}
		log.SetLogger(logf.Log)
		kinds := runtime.NewScheme()
		for _, add := range []func(*runtime.Scheme) error{
			scheme.AddToScheme, v1.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme,
		} {
			if err := add(kinds); err != nil {
				return err
			}
		}
		// Its field manager follows from the name.
		config = util.RestConfigWithUserAgent(config, "cainjector")
		control, err := manager.New(config, manager.Options{
			Scheme:                        kinds,
			Metrics:                       server.Options{BindAddress: "0"},
			LeaderElection:                true,
			LeaderElectionNamespace:       common.leaderElectionNamespace,
			LeaderElectionID:              "cert-manager-cainjector-leader-election",
			LeaderElectionReleaseOnCancel: true,
		})
		if err != nil {
			return err
		}
		err = cainjector.RegisterAllInjectors(ctx, control, cainjector.SetupOptions{
			EnableCertificatesDataSource: true,
			EnabledReconcilersFor: map[string]bool{
				cainjector.MutatingWebhookConfigurationName:   true,
				cainjector.ValidatingWebhookConfigurationName: true,
				cainjector.APIServiceName:                     true,
				cainjector.CustomResourceDefinitionName:       true,
			},
		})
		if err != nil {
			return err
		}
		return control.Start(ctx)
	}
}
