//! The command line: what can be said to the program, and nothing of what is done about it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Builds and keeps the base layer of a platform: cloud, cluster, ingress, certificates, Vault and Argo CD.
///
/// One TOML file describes an environment. `up` makes it so, and running it again changes nothing. There is no state
/// file: what exists is found by looking.
#[derive(Debug, Parser)]
#[command(
    name = "holodeck-bootstrap",
    version,
    propagate_version = true,
    after_help = "Try it without a cloud:\n  holodeck-bootstrap up sandbox --yes\n\nExit status: 0 fine, 1 error, 2 changes (plan --detailed-exitcode), 130 interrupted."
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where environment files are looked for unless another folder is named.
pub const DEFAULT_ENVIRONMENTS: &str = "environments";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Folder with the environment files
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = DEFAULT_ENVIRONMENTS,
        env = "HOLODECK_ENVIRONMENTS",
        hide_env_values = true
    )]
    pub environments: PathBuf,
    /// Folder in which archives of charts are kept, by their digests
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = ".holodeck/charts",
        env = "HOLODECK_CHARTS",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub charts: PathBuf,
    /// Simulate the cloud: the same code, nothing outside this machine is contacted
    #[arg(long, global = true, env = "HOLODECK_SANDBOX", hide_env_values = true, value_parser = clap::builder::BoolishValueParser::new(), num_args = 0, default_missing_value = "true", default_value_t = false)]
    pub sandbox: bool,
    /// How many times as fast as real time simulated time passes
    #[arg(long, global = true, value_name = "FACTOR", default_value_t = 200.0, value_parser = positive, env = "HOLODECK_SANDBOX_SPEED", hide_env_values = true, hide_short_help = true)]
    pub sandbox_speed: f64,
    /// Folder in which simulated worlds are kept
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = ".holodeck/sandbox",
        env = "HOLODECK_SANDBOX_DIR",
        hide_env_values = true,
        hide_short_help = true
    )]
    pub sandbox_dir: PathBuf,
    /// What goes wrong in the simulated cloud, as OPERATION:ACTION[@N], such as CreateNatGateway:lose-answer@1
    #[arg(
        long,
        global = true,
        value_name = "FAULT",
        env = "HOLODECK_SANDBOX_FAULTS",
        hide_env_values = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub sandbox_fault: Vec<String>,
    /// Form of what is printed
    #[arg(long, global = true, value_enum, default_value_t, env = "HOLODECK_OUTPUT", hide_env_values = true)]
    pub output: Output,
    /// When to use colour; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t, env = "HOLODECK_COLOR", hide_env_values = true)]
    pub color: Color,
    /// Tell more: all fields of what is created; twice, the program's own log
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Tell only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Write the program's log to a file, as JSON lines
    #[arg(long, global = true, value_name = "FILE", env = "HOLODECK_LOG_FILE", hide_env_values = true)]
    pub log_file: Option<PathBuf>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "a number from 1".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor.is_finite() => Ok(factor),
        _ => Err("a number above 0".to_owned()),
    }
}

/// Form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs: one document, or one event a line.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what `up` would change
    ///
    /// Looks at what exists and compares it with the environment file. Nothing is changed.
    #[command(
        after_help = "Examples:\n  holodeck-bootstrap plan staging\n  holodeck-bootstrap plan staging --detailed-exitcode   # in CI: exits with 2 when there are changes\n  holodeck-bootstrap plan staging --save plan.json && holodeck-bootstrap up staging --plan plan.json"
    )]
    Plan {
        /// Which environment
        environment: String,
        /// Show what `destroy` would remove
        #[arg(long)]
        destroy: bool,
        /// Exit with 2 when there are changes
        #[arg(long)]
        detailed_exitcode: bool,
        /// Also write the plan to a file, for `up --plan`
        #[arg(long, value_name = "FILE", conflicts_with = "destroy")]
        save: Option<PathBuf>,
        /// A resource that may be replaced, by its address; what has to follow may be too
        #[arg(long, value_name = "ADDRESS")]
        allow_replace: Vec<String>,
        /// A resource that may go with the data that it holds and with what others keep in it, by its address
        #[arg(long, value_name = "ADDRESS")]
        allow_loss: Vec<String>,
    },
    /// Make it so
    ///
    /// Plans, asks, and carries the plan out. Can be interrupted at any moment: run it again and it goes on.
    #[command(
        after_help = "Examples:\n  holodeck-bootstrap up staging\n  holodeck-bootstrap up staging --yes                       # without a question, as in CI\n  holodeck-bootstrap up staging --allow-replace aws.vpc.main"
    )]
    Up {
        /// Which environment
        environment: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Carry out this saved plan, or nothing if things have changed since
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        /// A resource that may be replaced, by its address; what has to follow may be too
        #[arg(long, value_name = "ADDRESS")]
        allow_replace: Vec<String>,
        /// A resource that may go with the data that it holds and with what others keep in it, by its address
        #[arg(long, value_name = "ADDRESS")]
        allow_loss: Vec<String>,
        /// The most changing requests at a time
        #[arg(
            long,
            value_name = "N",
            default_value_t = 16, value_parser = at_least_one,
            env = "HOLODECK_PARALLELISM",
            hide_env_values = true
        )]
        parallelism: usize,
    },
    /// Remove all that we own
    ///
    /// Removes what carries the environment's mark of ownership, and nothing else.
    #[command(
        after_help = "Examples:\n  holodeck-bootstrap plan staging --destroy\n  holodeck-bootstrap destroy staging\n  holodeck-bootstrap destroy production --yes --confirm production   # a protected one, without a terminal"
    )]
    Destroy {
        /// Which environment
        environment: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// The name of a protected environment, instead of typing it
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
        /// A resource that may go with the data that it holds and with what others keep in it, by its address
        #[arg(long, value_name = "ADDRESS")]
        allow_loss: Vec<String>,
        /// The most changing requests at a time
        #[arg(
            long,
            value_name = "N",
            default_value_t = 16, value_parser = at_least_one,
            env = "HOLODECK_PARALLELISM",
            hide_env_values = true
        )]
        parallelism: usize,
    },
    /// Show what exists and whether it is healthy
    ///
    /// Exits with 1 when something is missing or not ready.
    #[command(after_help = "Example:\n  holodeck-bootstrap status staging")]
    Status {
        /// Which environment
        environment: String,
    },
    /// Draw the resource graph
    #[command(
        after_help = "Example:\n  holodeck-bootstrap graph staging --format dot | dot -Tsvg > staging.svg"
    )]
    Graph {
        /// Which environment
        environment: String,
        /// In which form
        #[arg(long, value_enum, default_value_t)]
        format: GraphFormat,
    },
    /// Print the Kubernetes objects as YAML
    ///
    /// What only exists later stands in parentheses, such as (aws.kms_key.main:arn).
    #[command(after_help = "Example:\n  holodeck-bootstrap render staging | kubectl diff --server-side -f -")]
    Render {
        /// Which environment
        environment: String,
        /// Only this component
        #[arg(long, value_name = "NAME")]
        component: Option<String>,
    },
    /// Print a kubeconfig for the environment's cluster
    ///
    /// It authenticates through an exec plug-in and contains no token.
    #[command(after_help = "Example:\n  holodeck-bootstrap kubeconfig staging > ~/.kube/staging")]
    Kubeconfig {
        /// Which environment
        environment: String,
    },
    /// Check environment files
    ///
    /// Reports every mistake with its file, line and remedy. Without a name all environments are checked.
    #[command(after_help = "Example:\n  holodeck-bootstrap validate")]
    Validate {
        /// Which environment
        environment: Option<String>,
    },
    /// Print the JSON Schema of environment files, for editors
    #[command(after_help = "Example:\n  holodeck-bootstrap schema > environment.schema.json")]
    Schema,
    /// Print completions for a shell
    #[command(after_help = "Example:\n  holodeck-bootstrap completions zsh > ~/.zfunc/_holodeck-bootstrap")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// The environment that the command works on, where it works on its resources.
    pub fn environment(&self) -> Option<&str> {
        match self {
            Self::Plan { environment, .. }
            | Self::Up { environment, .. }
            | Self::Destroy { environment, .. }
            | Self::Status { environment }
            | Self::Graph { environment, .. }
            | Self::Render { environment, .. }
            | Self::Kubeconfig { environment } => Some(environment),
            Self::Validate { .. } | Self::Schema | Self::Completions { .. } => None,
        }
    }
}

/// The form of a drawn graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Mermaid, for Markdown.
    #[default]
    Mermaid,
    /// Graphviz.
    Dot,
    /// JSON.
    Json,
}
