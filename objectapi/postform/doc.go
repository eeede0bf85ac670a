// Package postform reads what browsers send to upload an object: a
// multipart/form-data body whose fields come before the file, and the policy
// among them that says what the form's maker allows.
//
// A [Form] reads the fields, bounded in number and bytes, and leaves the file to
// be streamed. A [Policy] is checked against the fields; every field that is not
// exempt must be covered by a condition. Who signed the policy is checked
// elsewhere (sigv4). The package starts no goroutine and keeps nothing.
//
// Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html,
// sigv4-HTTPPOSTConstructPolicy.html.
package postform
