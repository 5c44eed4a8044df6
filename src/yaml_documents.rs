//! The documents of a file with Kubernetes objects, as `YAMLReader` of `k8s.io/apimachinery` cuts them: at lines that begin
//! with `---` and have nothing but a comment behind it. Only then they are parsed, each by itself.

/// Each document, and the number of lines before it.
pub(crate) fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut begin, mut first, mut here) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let behind = line.strip_prefix("---").map(str::trim);
        let is_separator = behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('#'));
        // A separator with nothing before it belongs to the document behind it.
        if is_separator && here > begin {
            documents.push((first, &text[begin..here]));
            (begin, first) = (here + line.len(), number + 1);
        }
        here += line.len();
    }
    if here > begin {
        documents.push((first, &text[begin..here]));
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn documents_are_cut_as_kubernetes_does_it() {
        assert_eq!(documents(""), []);
        assert_eq!(documents("a\n---\nb"), [(0, "a\n"), (2, "b")]);
        assert_eq!(documents("---\na\n--- # note\nb\n---\n"), [(0, "---\na\n"), (3, "b\n")]);
        assert_eq!(documents("a\n--- b\n"), [(0, "a\n--- b\n")]);
        assert_eq!(documents("a\n---\n---\nb\n"), [(0, "a\n"), (2, "---\nb\n")]);
    }
}
