package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	defaults "github.com/cert-manager/cert-manager/internal/apis/config/controller/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/apis/config/controller/v1alpha1"
	library "github.com/cert-manager/cert-manager/pkg/controller"
	// Issuers register themselves.
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/vault"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/venafi"
)

// Upstream's timing.
const (
	lease   = 60 * time.Second
	renewal = 40 * time.Second
	retry   = 15 * time.Second
)

func controller(flags *pflag.FlagSet, common *common) func(ctx context.Context) error {
	configuration := &v1alpha1.ControllerConfiguration{}
	defaults.SetObjectDefaults_ControllerConfiguration(configuration)
	challenges := int32(0)
	flags.StringVar(&common.leaderElectionNamespace, "leader-election-namespace", "kube-system", "")
	flags.StringVar(&configuration.ClusterResourceNamespace, "cluster-resource-namespace", configuration.ClusterResourceNamespace, "")
	flags.StringVar(&configuration.ACMEHTTP01Config.SolverImage, "acme-http01-solver-image", "", "")
	flags.Int32Var(&challenges, "max-concurrent-challenges", *configuration.MaxConcurrentChallenges, "")
	flags.BoolVar(configuration.ACMEDNS01Config.RecursiveNameserversOnly, "dns01-recursive-nameservers-only", false, "")
	flags.StringSliceVar(&configuration.ACMEDNS01Config.RecursiveNameservers, "dns01-recursive-nameservers", nil, "")
	return func(ctx context.Context) error {
		configuration.MaxConcurrentChallenges = &challenges
		return led(ctx, common, func(ctx context.Context) error { return controllers(ctx, common, configuration) })
	}
}

// controllers runs those controllers that upstream starts by default.
func controllers(ctx context.Context, common *common, configuration *v1alpha1.ControllerConfiguration) error {
	factory, err := library.NewContextFactory(ctx, library.ContextOptions{
		Kubeconfig: common.kubeconfig,
		IssuerOptions: library.IssuerOptions{
			ClusterResourceNamespace:        configuration.ClusterResourceNamespace,
			ClusterIssuerAmbientCredentials: *configuration.ClusterIssuerAmbientCredentials,
		},
		ACMEOptions: library.ACMEOptions{
			HTTP01SolverImage:       configuration.ACMEHTTP01Config.SolverImage,
			DNS01Nameservers:        configuration.ACMEDNS01Config.RecursiveNameservers,
			DNS01CheckAuthoritative: !*configuration.ACMEDNS01Config.RecursiveNameserversOnly,
			DNS01CheckRetryPeriod:   time.Duration(configuration.ACMEDNS01Config.CheckRetryPeriod.Duration.Duration),
		},
		IngressShimOptions: library.IngressShimOptions{
			DefaultIssuerKind:                 configuration.IngressShimConfig.DefaultIssuerKind,
			DefaultIssuerGroup:                configuration.IngressShimConfig.DefaultIssuerGroup,
			DefaultAutoCertificateAnnotations: configuration.IngressShimConfig.DefaultAutoCertificateAnnotations,
		},
		CertificateOptions: library.CertificateOptions{
			CopiedAnnotationPrefixes:                 configuration.CopiedAnnotationPrefixes,
			CertificateRequestMinimumBackoffDuration: configuration.CertificateRequestMinimumBackoffDuration.Duration.Duration,
			CertificateRequestMaximumBackoffDuration: configuration.CertificateRequestMaximumBackoffDuration.Duration.Duration,
		},
		SchedulerOptions: library.SchedulerOptions{MaxConcurrentChallenges: int(*configuration.MaxConcurrentChallenges)},
	})
	if err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	for name, construct := range library.Known() {
		if !slices.Contains(defaults.DefaultEnabledControllers, name) {
			continue
		}
		control, err := construct(factory)
		if err != nil {
			return err
		}
		all.Go(func() error { return control.Run(int(*configuration.NumberOfConcurrentWorkers), ctx) })
	}
	context, err := factory.Build()
	if err != nil {
		return err
	}
	context.SharedInformerFactory.Start(ctx.Done())
	context.KubeSharedInformerFactory.Start(ctx.Done())
	context.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	return all.Wait()
}

// led runs what only the leader does.
func led(ctx context.Context, common *common, work func(ctx context.Context) error) error {
	config, err := common.config()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := resourcelock.New(
		resourcelock.LeasesResourceLock, common.leaderElectionNamespace, "cert-manager-controller",
		client.CoreV1(), client.CoordinationV1(), resourcelock.ResourceLockConfig{Identity: name})
	if err != nil {
		return err
	}
	result := errors.New("the lead was lost")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: lease, RenewDeadline: renewal, RetryPeriod: retry, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				result = work(ctx)
				stop()
			},
			OnStoppedLeading: func() {},
		},
	})
	return result
}
