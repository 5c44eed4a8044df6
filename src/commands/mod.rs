//! One module for each verb: it turns arguments into a plan, calls the library, and returns a report.

mod advice;
mod both;
mod bridge;
mod certs;
mod config;
mod demo;
mod doctor;
mod explain;
mod generate;
mod health_probe;
mod lists;
mod material;
mod probe;
mod signals;
mod stdin;

pub use both::Alone;
pub use bridge::{ActivationError, CallersError};
pub use certs::CertsError;
pub use config::{CheckError, ConfigError};
pub use health_probe::health_probe;
pub use lists::ListError;
pub use signals::survive_file_size_limit;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use time::OffsetDateTime;

use advice::Advice as _;

use crate::admin::AdminError;
use crate::bridge::Died;
use crate::cli::{self, Certs, CertsCommand, Cli, Command, HUMAN_AND_JSON, ONLY_HUMAN, WITH_CHECKS};
use crate::demo::DemoError;
use crate::input::is_stdin;
use crate::net::{Address, BindError, TargetError, TlsError, enough_for_a_runtime};
use crate::pki::IdentityError;
use crate::probe::TooFewDescriptors;
use crate::render::{self, Format, OutputOptions, Printer};
use crate::report::{Finding, FindingId, Hint, UnknownId};
use crate::shell::{shell_path, shell_word};

/// Reads the clock. A function, because a bridge lives long enough to ask twice.
pub type Clock = fn() -> OffsetDateTime;

/// Carries out what was typed, prints the report and tells the exit code that it stands for.
///
/// # Errors
/// Whatever keeps a command from running at all (exit code 2). What it finds wrong elsewhere is in the report.
pub fn run(cli: Cli, clock: Clock, printer: &Printer) -> Result<ExitCode, Error> {
    refuse_other_formats(&cli)?;
    stdin::refuse_second(&cli.command)?;
    let report = match cli.command {
        Command::Bridge(arguments) => bridge::run(*arguments, &cli.variables, clock, printer)?,
        Command::Certs(arguments) => certs::run(arguments, clock())?,
        Command::Completions(arguments) => generate::completions(&arguments),
        Command::Config(arguments) => config::run(&arguments, &cli.variables, clock())?,
        // With `--keep` it goes on running after its report.
        Command::Demo(arguments) => return demo::run(&arguments, clock, printer),
        Command::Doctor(arguments) => doctor::run(arguments, clock, printer)?,
        Command::Explain(arguments) => explain::run(&arguments)?,
        Command::Generate(arguments) => generate::run(arguments)?,
        Command::Man(arguments) => generate::man(&arguments)?,
        // With `--watch` it has no report at its end.
        Command::Probe(arguments) => return probe::run(*arguments, &cli.variables, clock, printer),
        Command::Version => render::version::report(env!("CARGO_PKG_VERSION")),
    };
    Ok(printer.report(&report))
}

/// Why a command could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The sockets that systemd has passed cannot be used.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// The admin server cannot start.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The user asked for TLS where there is none.
    #[error("`--admin tls://{}` asks for TLS, which the admin server does not have", address.authority())]
    AdminTls {
        /// The address.
        address: Address,
    },
    /// The user named one address for two purposes.
    #[error("`--admin` and `{flag}` are both `{address}`")]
    AdminTwice {
        /// The other flag.
        flag: &'static str,
        /// The address.
        address: Address,
    },
    /// The user gave a flag without another that it needs.
    #[error(transparent)]
    Alone(#[from] Alone),
    /// The user named one certificate for two sides.
    #[error("`--cert` does not say which side it is for: both `--listen` and `--upstream` speak TLS")]
    AmbiguousCertificate,
    /// The address that was to be listened on cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The bridge could not go on.
    #[error(transparent)]
    Bridge(#[from] Died),
    /// The user connected an address with itself.
    #[error("`--listen` and `--upstream` are both `{address}`")]
    BridgeToItself {
        /// The address.
        address: Address,
    },
    /// The user named callers that cannot be told apart where the bridge listens.
    #[error(transparent)]
    Callers(#[from] CallersError),
    /// The user named another program behind flags of ours.
    #[error("`--compat` must come first: what follows it is for the other program")]
    Compat,
    /// The demo did not come to its end.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The user expects plaintext of what has TLS.
    #[error("`--expect-plaintext` and `{address}` contradict each other: such an address means TLS")]
    ExpectPlaintext {
        /// The address, or the first of several.
        address: Address,
    },
    /// The user asked for a format that has nothing to show for this command.
    #[error("this command has no `-o {format}`")]
    Format {
        /// As typed.
        format: Format,
        /// What it has.
        known: &'static [Format],
    },
    /// The same for a command that prints changes.
    #[error("`--watch` has no `-o {format}`")]
    FormatOfWatch {
        /// As typed.
        format: Format,
    },
    /// The user stopped the command before it had a result.
    #[error("interrupted")]
    Interrupted,
    /// The same while it waited for a server.
    #[error("interrupted while `{address}` was not healthy: {cause}")]
    InterruptedWait {
        /// The server.
        address: String,
        /// What was wrong with it.
        cause: String,
        /// The finding that explains it.
        id: FindingId,
    },
    /// The user named certificates or keys that cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The operating system gave us no runtime: out of threads or file descriptors.
    #[error("cannot start")]
    Runtime(#[source] io::Error),
    /// The user named targets or metadata that cannot be used.
    #[error(transparent)]
    List(#[from] ListError),
    /// The user named certificates for what has no TLS.
    #[error("`{flag}` has no meaning for `{address}`, which is plaintext")]
    MaterialWithoutTls {
        /// As typed.
        flag: &'static str,
        /// The address, or the first of several.
        address: Address,
    },
    /// The user named a directory of resources that is none.
    #[error("`--resync {}` is not a directory", path.display())]
    ResyncDirectory {
        /// As typed.
        path: PathBuf,
        /// What is there instead.
        source: io::Error,
    },
    /// A task ended by a fault of ours.
    #[error("a part of the bridge failed: {words}")]
    Panicked {
        /// What it said.
        words: String,
    },
    /// The user named a target that contradicts itself.
    #[error("{flag}{0}", flag = .0.flag())]
    Target(#[from] TargetError),
    /// The operating system lets us open too few files.
    #[error(transparent)]
    TooFewDescriptors(#[from] TooFewDescriptors),
    /// There is no room for temporary files.
    #[error("cannot make a temporary directory")]
    TemporaryDirectory(#[source] io::Error),
    /// The user named a configuration with which EG calls no server.
    #[error("EG calls no extension server with `{}`", file.display())]
    NoPeers {
        /// As typed.
        file: PathBuf,
    },
    /// The user placed a host that is not probed.
    #[error("`--resolve`: no target has the host `{host}`")]
    NotATarget {
        /// As typed.
        host: String,
    },
    /// The user named a configuration with a server that EG cannot call.
    #[error("{place}: {}", finding.message)]
    PeerConfiguration {
        /// File, line and extension manager.
        place: String,
        /// Why.
        finding: Box<Finding>,
    },
    /// The user named two forms for the same lines.
    #[error("`--short` and `-o {format}` are different formats")]
    ShortFormat {
        /// As typed.
        format: Format,
    },
    /// The user took a flag for a format.
    #[error("this command has no `-o short`")]
    ShortIsFlag,
    /// The user asked for a file and a JSON object on stdout.
    #[error("`--out -` and `-o {format}` both write to stdout")]
    OutputTwice {
        /// As typed.
        format: Format,
    },
    /// The user named stdin for two inputs.
    #[error("{first} and {second} are both `-`, and stdin can be read only once")]
    StdinTwice {
        /// The flag, or the argument.
        first: &'static str,
        /// Another flag, or the same argument again.
        second: &'static str,
    },
    /// Certificates or keys that were read well, and that TLS cannot use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The user asked for all changes, and for something about one result.
    #[error("`--watch` and `{flag}` exclude each other")]
    WatchAnd {
        /// The other flag.
        flag: &'static str,
    },
    /// Configuration of EG could not be written or compared.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Certificates could not be made or read.
    #[error(transparent)]
    Certs(#[from] CertsError),
    /// The user asked for a finding that does not exist.
    #[error(transparent)]
    UnknownId(#[from] UnknownId),
    /// The user asked for the page of a command that does not exist.
    #[error("there is no command `egext {verbs}`")]
    UnknownVerb {
        /// As typed.
        verbs: String,
    },
    /// The user gave no time at all, or no size.
    #[error("`{flag}` must be greater than zero")]
    ZeroLimit {
        /// The flag.
        flag: &'static str,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Activation(error) => error.hint(),
            Self::Admin(AdminError::Bind(BindError::NotLoopback { .. })) | Self::AdminTls { .. } => {
                Some("name a unix socket or a loopback address: `--admin 127.0.0.1:PORT`".to_owned())
            }
            Self::Admin(AdminError::Bind(error)) => error.hint(),
            Self::Admin(_) => Some("`ulimit -a` shows this user's limits".to_owned()),
            Self::ResyncDirectory { .. } => Some(RESYNC_DIRECTORY.to_owned()),
            Self::AdminTwice { .. } => Some("the admin server needs an address of its own".to_owned()),
            Self::Alone(error) => error.hint(),
            Self::AmbiguousCertificate => {
                Some("put both pairs into one directory and name it with `--dir`".to_owned())
            }
            Self::Bind(error) => error.hint(),
            Self::Bridge(error) => error.hint(),
            Self::BridgeToItself { .. } => Some("a bridge needs two different addresses".to_owned()),
            Self::Callers(error) => error.hint(),
            Self::List(error) => error.hint(),
            Self::Compat => {
                Some("for example `egext probe --compat grpc-health-probe -addr=localhost:5005`".to_owned())
            }
            Self::Demo(error) => error.advice(),
            Self::ExpectPlaintext { address } => {
                let address = shell_word(&format!("tcp://{}", address.authority())).into_owned();
                Some(format!("write `{address}`, or leave out the flag"))
            }
            Self::Format { known, .. } => Some(has_formats(known)),
            Self::FormatOfWatch { .. } => Some(has_formats(HUMAN_AND_JSON)),
            // The user has decided what to do.
            Self::Interrupted => None,
            Self::InterruptedWait { id, .. } => Some(format!("`egext explain {id}` says more")),
            Self::Identity(error) => error.hint(),
            Self::MaterialWithoutTls { address: Address::Unix(_), .. } => {
                Some("leave it out; a bridge that listens there is given it at its start".to_owned())
            }
            Self::MaterialWithoutTls { .. } => {
                Some("leave it out, or write the address as `tls://HOST:PORT`".to_owned())
            }
            Self::NoPeers { file } => {
                Some(format!("`egext config check {}` says what it makes EG do", shell_path(file)))
            }
            Self::NotATarget { .. } => Some("write the host as the target has it".to_owned()),
            Self::PeerConfiguration { finding, .. } => finding.hint.clone(),
            Self::Panicked { .. } => {
                Some("please report it with this output; start the bridge again".to_owned())
            }
            Self::Runtime(_) => Some("`ulimit -a` shows this user's limits".to_owned()),
            Self::ShortFormat { format } => Some(format!("leave out `--short`, or `-o {format}`")),
            Self::ShortIsFlag => Some("`--short` is a flag: `egext certs show --short`".to_owned()),
            Self::OutputTwice { .. } => Some("name a file: `--out FILE`".to_owned()),
            Self::StdinTwice { .. } => Some("name a file for one of them, such as `<(COMMAND)`".to_owned()),
            Self::Target(error) => error.advice(),
            Self::TemporaryDirectory(_) => Some("set TMPDIR to a directory that you may write to".to_owned()),
            Self::Tls(error) => error.advice(),
            Self::TooFewDescriptors(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Certs(error) => error.hint(),
            Self::UnknownId(error) => Some(error.nearest().map_or_else(
                || "`egext explain` lists all ids".to_owned(),
                |name| format!("did you mean `{name}`? `egext explain` lists all ids"),
            )),
            Self::WatchAnd { flag: "--wait" } => Some(
                "leave out `--wait`: `--watch` goes on whatever the server does; or `--watch`, to end when it is healthy"
                    .to_owned(),
            ),
            Self::WatchAnd { flag } => {
                Some(format!("leave out `{flag}`: a change is one line; `-o json` has every fact in it"))
            }
            Self::UnknownVerb { .. } => Some("`egext --help` lists them".to_owned()),
            Self::ZeroLimit { flag: "--max-message-size" } => Some("for example `--max-message-size 4MiB`".to_owned()),
            Self::ZeroLimit { flag } => Some(format!("for example `{flag} 5s`")),
        }
    }
}

fn has_formats(known: &[Format]) -> String {
    let known = known.iter().map(|format| format!("`-o {format}`")).collect::<Vec<_>>();
    format!("it has {}", known.join(", "))
}

fn refuse_other_formats(cli: &Cli) -> Result<(), Error> {
    let (format, known) = (output(cli).format, formats(&cli.command));
    if known.contains(&format) {
        return Ok(());
    }
    Err(match &cli.command {
        Command::Certs(Certs { command: CertsCommand::Show(show) }) if show.short => {
            Error::ShortFormat { format }
        }
        Command::Certs(Certs { command: CertsCommand::Show(_) }) if format == Format::Short => {
            Error::ShortIsFlag
        }
        Command::Probe(probe) if probe.watch => Error::FormatOfWatch { format },
        Command::Certs(Certs { command: CertsCommand::Pack(_) }) | Command::Config(_)
            if known == ONLY_HUMAN =>
        {
            Error::OutputTwice { format }
        }
        _ => Error::Format { format, known },
    })
}

/// How to print. A format in the environment is for those commands that have it.
pub fn output(cli: &Cli) -> OutputOptions {
    let mut output = cli.output.options();
    if cli.variables.set("--format") && !formats(&cli.command).contains(&output.format) {
        output.format = Format::Human;
    }
    output
}

/// The formats of a command with these flags.
fn formats(command: &Command) -> &'static [Format] {
    match command {
        Command::Certs(Certs { command: CertsCommand::Show(show) }) if show.short => ONLY_HUMAN,
        Command::Certs(Certs { command: CertsCommand::Pack(pack) }) if is_stdin(&pack.out) => ONLY_HUMAN,
        Command::Config(config) if config.has_check() => WITH_CHECKS,
        Command::Probe(probe) if probe.watch => HUMAN_AND_JSON,
        Command::Config(config) if config.out().is_some_and(is_stdin) => ONLY_HUMAN,
        _ => cli::formats(command.name()),
    }
}

/// Runs a future to its end on this thread: our work waits for peers, not for processors.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    enough_for_a_runtime().map_err(Error::Runtime)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(RESOLVER_KEPT)
        .build()
        .map_err(Error::Runtime)?;
    let output = runtime.block_on(future);
    // Does not wait for threads that ask a resolver which does not answer: our limit has passed already.
    runtime.shutdown_background();
    Ok(output)
}

/// How long a thread that has asked the resolver waits for the next question. The bridge restricts itself when no such
/// thread is left, because the restriction does not hold for threads that run already.
const RESOLVER_KEPT: Duration = Duration::from_millis(5);

/// Envoy Gateway makes no such directory, either.
const RESYNC_DIRECTORY: &str = "name the directory that Envoy Gateway loads (`provider.custom.resource.file.paths`); make it \
                                first if it is not there yet";
