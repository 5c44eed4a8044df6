use super::{CertsCommand, Command, ConfigCommand, GenerateCommand, RotationStep};

impl Command {
    /// The words that call it, as its report names them: `certs rotate-ca prepare`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bridge(_) => "bridge",
            Self::Certs(certs) => match &certs.command {
                CertsCommand::Check(_) => "certs check",
                CertsCommand::Init(_) => "certs init",
                CertsCommand::Issue(_) => "certs issue",
                CertsCommand::Pack(_) => "certs pack",
                CertsCommand::Remove(_) => "certs remove",
                CertsCommand::Renew(_) => "certs renew",
                CertsCommand::RotateCa(rotation) => match &rotation.step {
                    RotationStep::Activate(_) => "certs rotate-ca activate",
                    RotationStep::Finish(_) => "certs rotate-ca finish",
                    RotationStep::Prepare(_) => "certs rotate-ca prepare",
                    RotationStep::Status(_) => "certs rotate-ca status",
                },
                CertsCommand::Show(_) => "certs show",
            },
            Self::Completions(_) => "completions",
            Self::Config(config) => match &config.command {
                ConfigCommand::Check(_) => "config check",
                ConfigCommand::Gateway(_) => "config gateway",
                ConfigCommand::Kubernetes(_) => "config kubernetes",
                ConfigCommand::Patch(_) => "config patch",
                ConfigCommand::Secrets(_) => "config secrets",
                ConfigCommand::Stanza(_) => "config stanza",
                ConfigCommand::Versions(_) => "config versions",
            },
            Self::Demo(_) => "demo",
            Self::Doctor(_) => "doctor",
            Self::Explain(_) => "explain",
            Self::Generate(generate) => match &generate.command {
                GenerateCommand::Compatibility => "generate compatibility",
                GenerateCommand::Completions(_) => "generate completions",
                GenerateCommand::Findings => "generate findings",
                GenerateCommand::Man(_) => "generate man",
                GenerateCommand::Schema => "generate schema",
                GenerateCommand::StatusSchema => "generate status-schema",
            },
            Self::Man(_) => "man",
            Self::Probe(_) => "probe",
            Self::Version => "version",
        }
    }
}
