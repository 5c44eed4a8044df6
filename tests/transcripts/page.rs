use std::path::Path;

/// A command and what it prints.
pub struct Step {
    pub command: String,
    pub printed: Vec<String>,
    pub line: usize,
}

/// The `console` blocks of a page.
pub fn blocks(page: &Path) -> Vec<Vec<Step>> {
    let text = std::fs::read_to_string(page).expect("the page");
    let mut blocks = Vec::new();
    let mut open: Option<Vec<Step>> = None;
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            None if line == "```console" => open = Some(Vec::new()),
            None => {}
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some(steps) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), printed: Vec::new(), line: index + 1 });
                }
                (None, Some(step)) if step.printed.is_empty() && step.command.ends_with('\\') => {
                    step.command.truncate(step.command.len() - 1);
                    step.command.push_str(line.trim_start());
                }
                (None, Some(step)) => step.printed.push(line.to_owned()),
                (None, None) => panic!("{}:{}: a block begins with a command", page.display(), index + 1),
            },
        }
    }
    assert!(open.is_none(), "{}: a block does not end", page.display());
    blocks
}
