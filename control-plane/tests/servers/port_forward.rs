//! Port-forwards to pods that are played.

use std::io;

use holodeck_control_plane::Forward;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{control_plane, file, kubectl};

/// A server on loopback that greets by name, and then says what it is told until that ends. Gives its port.
async fn greeter(name: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                connection.write_all(name.as_bytes()).await.unwrap();
                let (mut read, mut write) = connection.split();
                tokio::io::copy(&mut read, &mut write).await.unwrap();
            });
        }
    });
    port
}

/// What a pod's port answers to `said`, if anything does.
async fn answer(pods: &Api<Pod>, pod: &str, said: &str) -> io::Result<String> {
    let mut forward = pods.portforward(pod, &[8200]).await.map_err(io::Error::other)?;
    let mut stream = forward.take_stream(8200).expect("the port's stream");
    stream.write_all(said.as_bytes()).await?;
    let mut answer = vec![0; "greeter-0".len() + said.len()];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8(answer).expect("text"))
}

#[tokio::test]
async fn they_lead_to_what_stands_in_for_each_pod_through_a_gate_too() {
    let control_plane = control_plane().await;
    kubectl(control_plane, &["apply", "-f", &file("greeters.yaml")]);
    let running = ["-n", "greeters", "wait", "--for=jsonpath={.status.phase}=Running", "--timeout=60s"];
    kubectl(control_plane, &[&running[..], &["pod/greeter-0", "pod/greeter-1"]].concat());
    for pod in ["greeter-0", "greeter-1"] {
        let to = greeter(pod).await;
        control_plane.forward(Forward { namespace: "greeters", pod, port: 8200, to }).await.unwrap();
    }

    let gate = control_plane.gate().unwrap();
    let kubeconfig = Kubeconfig::read_from(gate.kubeconfig()).unwrap();
    let through = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    for client in [control_plane.client(), Client::try_from(through).unwrap()] {
        let pods: Api<Pod> = Api::namespaced(client, "greeters");
        for pod in ["greeter-0", "greeter-1"] {
            // kwok takes a moment until it heeds where they lead.
            let answered = async {
                loop {
                    match answer(&pods, pod, "and you").await {
                        Ok(answer) => break answer,
                        Err(_) => tokio::task::yield_now().await,
                    }
                }
            };
            assert_eq!(answered.await, format!("{pod}and you"));
        }
    }
    let path = "/api/v1/namespaces/greeters/pods/greeter-1/portforward";
    assert!(gate.requests().iter().any(|request| request.path == path && !request.changes));
}
