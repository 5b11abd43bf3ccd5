//! Who may call what, decided as Istio decides it. Pure.
