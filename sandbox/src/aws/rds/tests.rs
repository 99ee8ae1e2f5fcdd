//! Behaviour of the simulated RDS, through the real client.

use aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder;
use aws_sdk_rds::types::{DbInstance, Tag};

use super::super::landscape::{Landscape, minutes};
use super::super::testing::code;

impl Landscape {
    async fn with_subnet_group() -> Self {
        let landscape = Self::new().await;
        let request = landscape.account.rds().create_db_subnet_group().db_subnet_group_name("Main");
        let request =
            request.db_subnet_group_description("Main").set_subnet_ids(Some(landscape.subnets.clone()));
        request.send().await.unwrap();
        landscape
    }

    fn create_database(&self) -> CreateDBInstanceFluentBuilder {
        let request =
            self.account.rds().create_db_instance().db_instance_identifier("Orders").engine("postgres");
        request
            .engine_version("17")
            .db_instance_class("db.t4g.medium")
            .allocated_storage(20)
            .master_username("root")
            .manage_master_user_password(true)
            .db_subnet_group_name("main")
            .vpc_security_group_ids(&self.security_group)
            .storage_encrypted(true)
            .deletion_protection(true)
            .tags(Tag::builder().key("team").value("infra").build())
    }

    async fn database(&self) -> DbInstance {
        let request = self.account.rds().describe_db_instances().db_instance_identifier("orders");
        request.send().await.unwrap().db_instances()[0].clone()
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_passes_its_states_and_gets_an_endpoint_and_a_secret() {
    let landscape = Landscape::with_subnet_group().await;
    landscape.create_database().send().await.unwrap();
    assert_eq!(code(landscape.create_database().send().await), "DBInstanceAlreadyExists");
    let creating = landscape.database().await;
    assert_eq!((creating.db_instance_status(), creating.endpoint()), (Some("creating"), None));
    minutes(5).await;
    assert_eq!(landscape.database().await.db_instance_status(), Some("backing-up"));
    minutes(2).await;
    let database = landscape.database().await;
    assert_eq!(database.db_instance_status(), Some("available"));
    assert_eq!((database.engine_version(), database.endpoint().unwrap().port()), (Some("17.9"), Some(5432)));
    assert_eq!(database.tag_list()[0].value(), Some("infra"));
    let secret = database.master_user_secret().unwrap().secret_arn().unwrap();
    let secret = landscape.account.secretsmanager().describe_secret().secret_id(secret).send().await.unwrap();
    assert_eq!(secret.owning_service(), Some("rds"));
}

#[tokio::test(start_paused = true)]
async fn a_subnet_group_in_use_and_a_protected_instance_stay() {
    let landscape = Landscape::with_subnet_group().await;
    let rds = landscape.account.rds();
    landscape.create_database().send().await.unwrap();
    minutes(7).await;
    let remove_group = || rds.delete_db_subnet_group().db_subnet_group_name("main").send();
    assert_eq!(code(remove_group().await), "InvalidDBSubnetGroupStateFault");
    let delete = || rds.delete_db_instance().db_instance_identifier("orders");
    assert_eq!(code(delete().skip_final_snapshot(true).send().await), "InvalidParameterCombination");
    let open = rds.modify_db_instance().db_instance_identifier("orders").deletion_protection(false);
    open.apply_immediately(true).send().await.unwrap();
    assert_eq!(landscape.database().await.db_instance_status(), Some("modifying"));
    minutes(1).await;
    assert_eq!(code(delete().send().await), "InvalidParameterCombination", "neither snapshot nor skipped");
    delete().final_db_snapshot_identifier("last").send().await.unwrap();
    assert_eq!(landscape.database().await.db_instance_status(), Some("deleting"));
    minutes(6).await;
    assert_eq!(code(delete().skip_final_snapshot(true).send().await), "DBInstanceNotFound");
    remove_group().await.unwrap();
    assert_eq!(code(remove_group().await), "DBSubnetGroupNotFoundFault");
    let snapshots = rds.describe_db_snapshots().db_instance_identifier("orders").send().await.unwrap();
    assert_eq!(snapshots.db_snapshots()[0].status(), Some("available"));
    rds.delete_db_snapshot().db_snapshot_identifier("last").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_larger_class_waits_for_the_window_unless_it_is_applied_at_once() {
    let landscape = Landscape::with_subnet_group().await;
    let rds = landscape.account.rds();
    landscape.create_database().send().await.unwrap();
    minutes(7).await;
    let modify =
        || rds.modify_db_instance().db_instance_identifier("orders").db_instance_class("db.t4g.large");
    modify().send().await.unwrap();
    let waiting = landscape.database().await;
    assert_eq!(waiting.db_instance_class(), Some("db.t4g.medium"));
    assert_eq!(waiting.pending_modified_values().unwrap().db_instance_class(), Some("db.t4g.large"));
    modify().apply_immediately(true).send().await.unwrap();
    assert_eq!(code(modify().send().await), "InvalidDBInstanceState");
    minutes(8).await;
    assert_eq!(landscape.database().await.db_instance_class(), Some("db.t4g.large"));
    let major = modify().engine_version("18").apply_immediately(true);
    assert_eq!(code(major.send().await), "InvalidParameterCombination");
    assert_eq!(code(modify().allocated_storage(5).send().await), "InvalidParameterCombination");
}
