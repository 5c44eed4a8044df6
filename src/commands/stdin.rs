//! Stdin can be read once, so one flag of a command can name it.

use std::path::{Path, PathBuf};

use super::Error;
use crate::cli::{
    Activate, CertsCommand, Command, ConfigCommand, Material, Prepare, RotationStep, SignerFlags,
};
use crate::input::is_stdin;

/// Refuses a command of which two inputs are `-`.
pub(super) fn refuse_second(command: &Command) -> Result<(), Error> {
    let mut named = inputs(command).into_iter().filter(|(_, path)| is_stdin(path)).map(|(flag, _)| flag);
    match (named.next(), named.next()) {
        (Some(first), Some(second)) => Err(Error::StdinTwice { first, second }),
        _ => Ok(()),
    }
}

type Input<'a> = (&'static str, &'a Path);

fn inputs(command: &Command) -> Vec<Input<'_>> {
    match command {
        Command::Bridge(bridge) => material(&bridge.material),
        Command::Certs(certs) => certs_inputs(&certs.command),
        Command::Config(config) => config_inputs(&config.command),
        Command::Doctor(doctor) => doctor.paths.iter().map(|path| ("FILE", path.as_path())).collect(),
        Command::Probe(probe) => {
            let mut inputs = material(&probe.material);
            inputs.extend(input("`--metadata-file`", probe.calls.metadata_file.as_ref()));
            inputs.extend(input("`--targets-file`", probe.targets_file.as_ref()));
            inputs.extend(input("`--gateway-config`", probe.gateway_config.as_ref()));
            inputs
        }
        // One file at most.
        Command::Completions(_)
        | Command::Demo(_)
        | Command::Explain(_)
        | Command::Generate(_)
        | Command::Man(_)
        | Command::Version => Vec::new(),
    }
}

fn config_inputs(command: &ConfigCommand) -> Vec<Input<'_>> {
    match command {
        ConfigCommand::Check(check) => check.paths.iter().map(|path| ("FILE", path.as_path())).collect(),
        // One file at most.
        ConfigCommand::Gateway(_)
        | ConfigCommand::Kubernetes(_)
        | ConfigCommand::Patch(_)
        | ConfigCommand::Secrets(_)
        | ConfigCommand::Stanza(_)
        | ConfigCommand::Versions(_) => Vec::new(),
    }
}

fn certs_inputs(command: &CertsCommand) -> Vec<Input<'_>> {
    match command {
        CertsCommand::Check(check) => {
            let mut inputs = material(&check.material);
            inputs.extend(input(PASSPHRASE, check.ca_key_passphrase_file.as_ref()));
            inputs
        }
        CertsCommand::Init(init) => {
            ca([init.ca_cert.as_ref(), init.ca_key.as_ref(), init.ca_key_passphrase_file.as_ref()])
        }
        CertsCommand::Issue(issue) => {
            let mut inputs = signer(&issue.signer);
            inputs.extend(input("`--csr`", issue.csr.as_ref()));
            inputs
        }
        CertsCommand::Renew(renew) => signer(&renew.signer),
        CertsCommand::RotateCa(rotation) => match &rotation.step {
            RotationStep::Prepare(Prepare { passphrase, other, .. })
            | RotationStep::Activate(Activate { passphrase, other, .. }) => ca([
                other.ca_cert.as_ref(),
                other.ca_key.as_ref(),
                passphrase.ca_key_passphrase_file.as_ref(),
            ]),
            RotationStep::Finish(_) | RotationStep::Status(_) => Vec::new(),
        },
        CertsCommand::Show(show) => {
            let mut inputs = show.paths.iter().map(|path| ("FILE", path.as_path())).collect::<Vec<_>>();
            inputs.extend(input(PASSPHRASE, show.ca_key_passphrase_file.as_ref()));
            inputs
        }
        CertsCommand::Pack(_) | CertsCommand::Remove(_) => Vec::new(),
    }
}

fn material(material: &Material) -> Vec<Input<'_>> {
    let flags = [("`--ca`", &material.ca), ("`--cert`", &material.cert), ("`--key`", &material.key)];
    flags.into_iter().filter_map(|(flag, path)| input(flag, path.as_ref())).collect()
}

fn signer(signer: &SignerFlags) -> Vec<Input<'_>> {
    ca([signer.ca_cert.as_ref(), signer.ca_key.as_ref(), signer.ca_key_passphrase_file.as_ref()])
}

/// The files of a CA that signs.
fn ca(paths: [Option<&PathBuf>; 3]) -> Vec<Input<'_>> {
    let flags = ["`--ca-cert`", "`--ca-key`", PASSPHRASE];
    flags.into_iter().zip(paths).filter_map(|(flag, path)| input(flag, path)).collect()
}

fn input<'a>(flag: &'static str, path: Option<&'a PathBuf>) -> Option<Input<'a>> {
    path.map(|path| (flag, path.as_path()))
}

const PASSPHRASE: &str = "`--ca-key-passphrase-file`";
