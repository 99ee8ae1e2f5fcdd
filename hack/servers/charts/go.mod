module holodeck.example/servers/charts

go 1.26.0

require github.com/hashicorp/vault-helm v0.34.1
