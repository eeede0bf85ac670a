package objectapi

import (
	"net/http"

	"cairn/objectapi/s3err"
)

// operation is one of S3's operations.
type operation struct {
	name  string
	scope scope
	run   func(*request) error
}

// level is what a target addresses.
type level uint8

const (
	onService level = iota
	onBucket
	onObject
)

// route is how an operation is asked for: by method, level, and the parameter
// of the query that selects it, "" if none does.
type route struct {
	level  level
	method string
	sub    string
}

const (
	get    = http.MethodGet
	head   = http.MethodHead
	put    = http.MethodPut
	post   = http.MethodPost
	remove = http.MethodDelete
)

// operations is the one table of what the gateway offers.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
var operations = map[route]*operation{
	{onService, get, ""}: {"ListBuckets", scopeUser, (*request).listBuckets},

	{onBucket, put, ""}:          {"CreateBucket", scopeNewName, (*request).createBucket},
	{onBucket, head, ""}:         {"HeadBucket", scopeRead, (*request).headBucket},
	{onBucket, remove, ""}:       {"DeleteBucket", scopeRead, (*request).deleteBucket},
	{onBucket, get, ""}:          {"ListObjects", scopeRead, (*request).listObjects},
	{onBucket, get, "list-type"}: {"ListObjectsV2", scopeRead, (*request).listObjectsV2},
	{onBucket, get, "versions"}:  {"ListObjectVersions", scopeRead, (*request).listVersions},
	{onBucket, get, "uploads"}:   {"ListMultipartUploads", scopeRead, (*request).listUploads},
	{onBucket, post, "delete"}:   {"DeleteObjects", scopeWrite, (*request).deleteObjects},
	{onBucket, post, ""}:         {"PostObject", scopeAnyone, (*request).postObject},

	{onBucket, get, "location"}:          {"GetBucketLocation", scopeRead, (*request).getLocation},
	{onBucket, get, "acl"}:               {"GetBucketAcl", scopeRead, (*request).getACL},
	{onBucket, put, "acl"}:               {"PutBucketAcl", scopeWrite, (*request).putACL},
	{onBucket, get, "tagging"}:           {"GetBucketTagging", scopeRead, (*request).getBucketTagging},
	{onBucket, put, "tagging"}:           {"PutBucketTagging", scopeWrite, (*request).putBucketTagging},
	{onBucket, remove, "tagging"}:        {"DeleteBucketTagging", scopeWrite, (*request).deleteBucketTagging},
	{onBucket, get, "versioning"}:        {"GetBucketVersioning", scopeRead, answers("VersioningConfiguration", nil)},
	{onBucket, get, "logging"}:           {"GetBucketLogging", scopeRead, answers("BucketLoggingStatus", nil)},
	{onBucket, get, "notification"}:      {"GetBucketNotificationConfiguration", scopeRead, answers("NotificationConfiguration", nil)},
	{onBucket, get, "accelerate"}:        {"GetBucketAccelerateConfiguration", scopeRead, answers("AccelerateConfiguration", nil)},
	{onBucket, get, "requestPayment"}:    {"GetBucketRequestPayment", scopeRead, answers("RequestPaymentConfiguration", ownerPays)},
	{onBucket, get, "publicAccessBlock"}: {"GetPublicAccessBlock", scopeRead, answers("PublicAccessBlockConfiguration", blocked)},
	{onBucket, get, "ownershipControls"}: {"GetBucketOwnershipControls", scopeRead, answers("OwnershipControls", ownership)},
	{onBucket, get, "policy"}:            {"GetBucketPolicy", scopeRead, absent(s3err.NoSuchBucketPolicy)},
	{onBucket, get, "policyStatus"}:      {"GetBucketPolicyStatus", scopeRead, absent(s3err.NoSuchBucketPolicy)},
	{onBucket, get, "lifecycle"}:         {"GetBucketLifecycleConfiguration", scopeRead, absent(s3err.NoSuchLifecycleConfiguration)},
	{onBucket, get, "cors"}:              {"GetBucketCors", scopeRead, absent(s3err.NoSuchCORSConfiguration)},
	{onBucket, get, "website"}:           {"GetBucketWebsite", scopeRead, absent(s3err.NoSuchWebsiteConfiguration)},
	{onBucket, get, "encryption"}:        {"GetBucketEncryption", scopeRead, absent(s3err.EncryptionConfigurationNotFound)},
	{onBucket, get, "object-lock"}:       {"GetObjectLockConfiguration", scopeRead, absent(s3err.ObjectLockConfigurationNotFound)},
	{onBucket, get, "replication"}:       {"GetBucketReplication", scopeRead, absent(s3err.ReplicationConfigurationNotFound)},
	{onBucket, remove, "policy"}:         {"DeleteBucketPolicy", scopeWrite, nothingToDelete},
	{onBucket, remove, "lifecycle"}:      {"DeleteBucketLifecycle", scopeWrite, nothingToDelete},
	{onBucket, remove, "cors"}:           {"DeleteBucketCors", scopeWrite, nothingToDelete},
	{onBucket, remove, "website"}:        {"DeleteBucketWebsite", scopeWrite, nothingToDelete},
	{onBucket, remove, "encryption"}:     {"DeleteBucketEncryption", scopeWrite, nothingToDelete},
	{onBucket, remove, "replication"}:    {"DeleteBucketReplication", scopeWrite, nothingToDelete},

	{onObject, put, ""}:                 {"PutObject", scopeWrite, (*request).putObject},
	{onObject, put, copySub}:            {"CopyObject", scopeWrite, (*request).copyObject},
	{onObject, get, ""}:                 {"GetObject", scopeRead, (*request).getObject},
	{onObject, head, ""}:                {"HeadObject", scopeRead, (*request).headObject},
	{onObject, remove, ""}:              {"DeleteObject", scopeWrite, (*request).deleteObject},
	{onObject, get, "attributes"}:       {"GetObjectAttributes", scopeRead, (*request).getObjectAttributes},
	{onObject, get, "acl"}:              {"GetObjectAcl", scopeRead, (*request).getObjectACL},
	{onObject, put, "acl"}:              {"PutObjectAcl", scopeWrite, (*request).putObjectACL},
	{onObject, get, "tagging"}:          {"GetObjectTagging", scopeRead, (*request).getObjectTagging},
	{onObject, put, "tagging"}:          {"PutObjectTagging", scopeWrite, (*request).putObjectTagging},
	{onObject, remove, "tagging"}:       {"DeleteObjectTagging", scopeWrite, (*request).deleteObjectTagging},
	{onObject, get, "retention"}:        {"GetObjectRetention", scopeRead, unlockable},
	{onObject, get, "legal-hold"}:       {"GetObjectLegalHold", scopeRead, unlockable},
	{onObject, post, "uploads"}:         {"CreateMultipartUpload", scopeWrite, (*request).createUpload},
	{onObject, put, "uploadId"}:         {"UploadPart", scopeWrite, (*request).uploadPart},
	{onObject, put, copyPartSub}:        {"UploadPartCopy", scopeWrite, (*request).uploadPartCopy},
	{onObject, post, "uploadId"}:        {"CompleteMultipartUpload", scopeWrite, (*request).completeUpload},
	{onObject, remove, "uploadId"}:      {"AbortMultipartUpload", scopeWrite, (*request).abortUpload},
	{onObject, get, "uploadId"}:         {"ListParts", scopeRead, (*request).listParts},
	{onService, http.MethodOptions, ""}: {"Preflight", scopeAnyone, (*request).preflight},
	{onBucket, http.MethodOptions, ""}:  {"Preflight", scopeAnyone, (*request).preflight},
	{onObject, http.MethodOptions, ""}:  {"Preflight", scopeAnyone, (*request).preflight},
}

// Stand-ins for a parameter: a header selects the copies.
const (
	copySub     = "\x00copy"
	copyPartSub = "\x00copy-part"
)

// subresources are the parameters that select an operation, also those of
// operations that are not offered: a request for one must not be taken for the
// operation without it. Others are ignored.
var subresources = map[string]bool{
	"abac": true, "accelerate": true, "acl": true, "analytics": true, "attributes": true, "cors": true,
	"delete": true, "encryption": true, "intelligent-tiering": true, "inventory": true, "legal-hold": true,
	"lifecycle": true, "list-type": true, "location": true, "logging": true, "metadataConfiguration": true,
	"metadataInventoryTable": true, "metadataJournalTable": true, "metadataTable": true, "metrics": true,
	"notification": true, "object-lock": true, "ownershipControls": true, "policy": true, "policyStatus": true,
	"publicAccessBlock": true, "renameObject": true, "replication": true, "requestPayment": true, "restore": true,
	"retention": true, "select": true, "session": true, "tagging": true, "torrent": true, "uploadId": true,
	"uploads": true, "versioning": true, "versions": true, "website": true,
}

// unoffered stands for an operation that the table does not have.
var unoffered = &operation{name: "NotOffered"}

// findOperation returns the operation that the request asks for, with an error
// also unoffered.
func (q *request) findOperation() (*operation, error) {
	r := route{method: q.r.Method, level: q.level(), sub: q.subresource()}
	if op := operations[r]; op != nil {
		return op, nil
	}
	if r.method == http.MethodOptions {
		return operations[route{r.level, r.method, ""}], nil
	}
	if r.sub != "" && r.sub[0] != 0 {
		return unoffered, notImplemented("The operation " + r.method + " ?" + r.sub)
	}
	return nil, s3err.New(s3err.MethodNotAllowed).
		With("Method", r.method).
		With("ResourceType", [...]string{"SERVICE", "BUCKET", "OBJECT"}[r.level])
}

func (q *request) level() level {
	switch {
	case q.bucket == "":
		return onService
	case q.key == "":
		return onBucket
	}
	return onObject
}

// subresource returns the parameter that selects the operation, or a stand-in.
func (q *request) subresource() string {
	sub := ""
	for _, p := range q.query {
		if subresources[p.Name] && (p.Name != "list-type" || p.Value == "2") {
			sub = p.Name
			break
		}
	}
	if q.r.Method == put && q.key != "" && q.r.Header.Get("X-Amz-Copy-Source") != "" {
		switch sub {
		case "":
			return copySub
		case "uploadId":
			return copyPartSub
		}
	}
	return sub
}

// preflight answers a CORS preflight: no bucket allows other origins.
func (q *request) preflight() error { return s3err.New(s3err.AccessForbidden) }
