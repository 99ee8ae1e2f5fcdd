package main

import (
	"context"

	"github.com/spf13/pflag"

	config "github.com/cert-manager/cert-manager/internal/apis/config/webhook"
	defaults "github.com/cert-manager/cert-manager/internal/apis/config/webhook/v1alpha1"
	library "github.com/cert-manager/cert-manager/internal/webhook"
	"github.com/cert-manager/cert-manager/pkg/apis/config/webhook/v1alpha1"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

func webhook(flags *pflag.FlagSet, common *common) func(ctx context.Context) error {
	versioned := &v1alpha1.WebhookConfiguration{}
	defaults.SetObjectDefaults_WebhookConfiguration(versioned)
	flags.Int32Var(versioned.SecurePort, "secure-port", *versioned.SecurePort, "")
	flags.Int32Var(versioned.HealthzPort, "healthz-port", *versioned.HealthzPort, "")
	flags.StringVar(&versioned.MetricsListenAddress, "metrics-listen-address", versioned.MetricsListenAddress, "")
	dynamic := &versioned.TLSConfig.Dynamic
	flags.StringVar(&dynamic.SecretNamespace, "dynamic-serving-ca-secret-namespace", "", "")
	flags.StringVar(&dynamic.SecretName, "dynamic-serving-ca-secret-name", "", "")
	flags.StringSliceVar(&dynamic.DNSNames, "dynamic-serving-dns-names", nil, "")
	return func(ctx context.Context) error {
		configuration := config.WebhookConfiguration{}
		if err := defaults.Convert_v1alpha1_WebhookConfiguration_To_webhook_WebhookConfiguration(versioned, &configuration, nil); err != nil {
			return err
		}
		configuration.KubeConfig = common.kubeconfig
		server, err := library.NewCertManagerWebhookServer(logf.Log, configuration)
		if err != nil {
			return err
		}
		return server.Run(ctx)
	}
}
